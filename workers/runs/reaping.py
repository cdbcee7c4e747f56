"""Runs whose workers have died."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from workers.models import Run, ScheduledJob
from workers.runs.finishing import fail
from workers.triggers import jitter_of

#: A worker that has not been heard of for so many heartbeats is dead.
MISSED_BEATS = 3

#: Over how many seconds the runs are spread that died together. Were they to start together again, the one that ended
#: their worker would take the others with it each time.
SPREAD = 20


class WorkerDied(Exception):
    """The worker process of a run has gone, or stands still."""


def reap(now: datetime, job: ScheduledJob | None = None) -> int:
    """Try the runs again, of one job or of all, whose workers have not been heard of for some heartbeats.

    Returns how many. One that has had its attempts has failed.
    """
    silent = now - timedelta(seconds=settings.RUN_HEARTBEAT_SECONDS) * MISSED_BEATS
    dead = list(Run.objects.filter(state=Run.State.RUNNING, heartbeat_at__lt=silent, **({"job": job} if job else {})))
    for run in dead:
        error = WorkerDied(f"no heartbeat since {run.heartbeat_at:%H:%M:%S} UTC")
        fail(run, error, now, longer=jitter_of(str(run.pk), now, SPREAD))
    return len(dead)
