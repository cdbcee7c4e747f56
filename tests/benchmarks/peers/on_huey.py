"""Huey. Run by `huey_consumer`."""

from huey.contrib.djhuey import HUEY as huey
from huey.contrib.djhuey import db_task

from tests.benchmarks.peers import jobs

TASKS = {name: db_task()(job) for name, job in jobs.JOBS.items()}


@db_task()
def fan_out(job: str, first: str, last: str) -> None:
    jobs.fan_out(TASKS[job], first, last)


def send(job: str, game: int, first: str, last: str) -> None:
    TASKS[job](game, first, last)


def ask(job: str, first: str, last: str) -> None:
    fan_out(job, first, last)


def left() -> int:
    return int(huey.storage.queue_size())
