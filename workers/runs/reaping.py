"""Runs whose workers have died."""

from __future__ import annotations

from datetime import datetime

from workers.models import ScheduledJob
from workers.runs.finishing import fail
from workers.runs.life import dead_runs, note_silence
from workers.triggers import jitter_of

#: Over how many seconds the runs are spread that died together. Were they to start together again, the one that ended
#: their worker would take the others with it each time.
SPREAD = 20


class WorkerDied(Exception):
    """The worker process of a run has gone, or stands still."""


def reap(now: datetime, job: ScheduledJob | None = None) -> int:
    """Try the runs again, of one job or of all, whose workers have not been heard of for some heartbeats.

    `now` is the database's. Returns how many. One that has had its attempts has failed.
    """
    note_silence(now)
    dead = list(dead_runs(now).filter(**({"job": job} if job else {})))
    for run in dead:
        error = WorkerDied(f"no heartbeat since {run.heartbeat_at:%H:%M:%S} UTC")
        fail(run, error, now, longer=jitter_of(str(run.pk), now, SPREAD))
    return len(dead)
