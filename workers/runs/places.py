"""The places of a job: so many of its runs may be at work at one time, and some of the others wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from workers.models import Run, ScheduledJob
from workers.runs.sending import send

#: How long a run waits for a place before it asks again.
WAIT = timedelta(seconds=30)

#: The reason of a run that waits for a place.
WAITS = "waits for a place"


def are_taken(job: ScheduledJob) -> bool:
    """Whether as many of the job's runs are at work as may be. Exact only while its row is locked."""
    return Run.objects.filter(job=job, state=Run.State.RUNNING).count() >= job.max_instances


def wait(run: Run, now: datetime) -> None:
    """Let a queued run wait for a place."""
    Run.objects.still_waiting(run).update(cause=run.cause, due_at=now + WAIT, enqueued_at=None, reason=WAITS)


def let_next_in(job_id: str, now: datetime) -> None:
    """Send the run of a job that has waited longest for a place, now that one is free."""
    waiting = Run.objects.filter(job=job_id, state=Run.State.QUEUED, reason=WAITS, enqueued_at=None)
    following = waiting.order_by("slot", "due_at").first()
    if following and Run.objects.still_waiting(following).filter(enqueued_at=None).update(due_at=now, enqueued_at=now):
        following.due_at = now
        transaction.on_commit(lambda: send([following], now))
