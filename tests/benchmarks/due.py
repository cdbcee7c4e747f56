"""Jobs fall due all at once: how fast the clock sends them, each with its run recorded, and django-celery-beat."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from tests.benchmarks.figures import Figures
from tests.benchmarks.peers import on_celery
from tests.benchmarks.place import Spoilt, flush_redis, require_solitude
from tests.benchmarks.processes import processes
from workers import tick
from workers.broker import broker
from workers.models import Run, ScheduledJob

BEAT = (
    "celery --app tests.benchmarks.peers.on_celery beat --pidfile= --loglevel ERROR"
    " --scheduler django_celery_beat.schedulers:DatabaseScheduler"
)

DAILY = {"type": "interval", "days": 1}
DAY = timedelta(days=1)


def compare(jobs: int, repeat: int, figures: Figures) -> None:
    """Jobs a second of either, taking turns `repeat` times. No worker is attached: the sending is what is measured."""
    for _ in range(repeat):
        figures.add("dispatch", "ours", jobs / _tick(jobs))
        figures.add("dispatch", "celery-beat", jobs / _beat(jobs))
    _clear()


def _tick(jobs: int) -> float:
    """The seconds of a whole tick."""
    _clear()
    now = timezone.now().replace(microsecond=0)  # slots are whole seconds
    due = {"actor": "scheduled_job", "trigger": DAILY, "anchor": now - DAY, "next_run_at": now}
    ScheduledJob.objects.bulk_create(ScheduledJob(id=f"job-{n}", **due) for n in range(jobs))
    require_solitude()
    begun = time.monotonic()
    tick.tick(now)
    seconds = time.monotonic() - begun
    queued = Run.objects.filter(job__id__startswith="job-", state=Run.State.QUEUED).count()
    sent = broker().backlog("default")  # with what else the code may have due just now
    if queued != jobs or sent < jobs:
        raise Spoilt(f"Of {jobs} jobs {queued} have runs, and {sent} were sent.")
    return seconds


def _beat(jobs: int) -> float:
    """The seconds from the first message to the last: what it takes to start and to read its table does not count."""
    _clear()
    daily = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    due = {"task": on_celery.nothing.name, "interval": daily, "last_run_at": timezone.now() - 2 * DAY}
    PeriodicTask.objects.bulk_create(PeriodicTask(name=f"job-{n}", **due) for n in range(jobs))
    require_solitude()
    with processes(BEAT) as beat:
        beat.wait_for(lambda: on_celery.left() > 0, 60)
        first, begun = on_celery.left(), time.monotonic()
        beat.wait_for(lambda: on_celery.left() >= jobs, 300)
        return (time.monotonic() - begun) * jobs / (jobs - first)


def _clear() -> None:
    flush_redis()
    Run.objects.all().delete()
    ScheduledJob.objects.filter(id__startswith="job-").delete()
    PeriodicTask.objects.all().delete()
    IntervalSchedule.objects.all().delete()
    PeriodicTasks.objects.all().delete()
