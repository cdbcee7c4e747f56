"""Celery. Run by `celery worker`, and by `celery beat` for the dispatch of what is due."""

from celery import Celery
from django.conf import settings

from tests.benchmarks.peers import jobs

app = Celery("bench", broker=settings.REDIS_URL)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=64,  # its guide, "Prefetch Limits": 50 to 150 for many short tasks
    worker_disable_rate_limits=True,
    worker_hijack_root_logger=False,
    CELERY_DB_REUSE_MAX=1_000_000,  # else it closes the database's connection after each task, CONN_MAX_AGE or not
)

TASKS = {name: app.task(job) for name, job in jobs.JOBS.items()}


@app.task
def fan_out(job: str, first: str, last: str) -> None:
    with app.producer_or_acquire() as producer:  # one for all, rather than one a message
        jobs.fan_out(lambda *args: TASKS[job].apply_async(args, producer=producer), first, last)


@app.task
def nothing() -> None:
    """What the periodic tasks of the dispatch ask for."""


def send(job: str, game: int, first: str, last: str) -> None:
    TASKS[job].delay(game, first, last)


def ask(job: str, first: str, last: str) -> None:
    fan_out.delay(job, first, last)


def left() -> int:
    return int(jobs.redis.llen("celery")) + int(jobs.redis.hlen("unacked"))
