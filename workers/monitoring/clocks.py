"""Clocks that differ from the database's: whose, and by how much."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from workers.database_time import TOLERATED, off
from workers.models import Clock, WorkerProcess
from workers.runs.life import patience


def wrong_clocks(now: datetime, clock: Clock) -> dict[str, str]:
    """A sentence for each clock that is wrong at `now`, the database's time, by whose it is."""
    return _of_workers(now) | _of_scheduler(clock.scheduler_ahead, clock.scheduler_ahead_before)


def wrong_by(whose: str, ahead: timedelta) -> str:
    """The sentence about a clock, empty when it is right."""
    return f"the clock of {whose} is {off(ahead)}" if abs(ahead) > TOLERATED else ""


def _of_workers(now: datetime) -> dict[str, str]:
    wrong = Q(ahead__gt=TOLERATED) | Q(ahead__lt=-TOLERATED)
    alive = WorkerProcess.objects.filter(wrong, beat_at__gt=now - patience())
    hosts = dict(alive.order_by("beat_at").values_list("host", "ahead"))  # processes of one host share a clock
    return {f"worker {host}"[:150]: wrong_by(f"the worker on {host}", ahead) for host, ahead in hosts.items()}


def _of_scheduler(last: timedelta | None, before: timedelta | None) -> dict[str, str]:
    """Judged by its last two messages: one may have waited for a worker, and two schedulers may take turns."""
    if last is None:
        return {}
    ahead = max(last, before or timedelta(0))
    if ahead >= -TOLERATED:
        return {"scheduler": wrong_by("the scheduler", ahead)} if ahead > TOLERATED else {}
    return {"scheduler": f"{wrong_by('the scheduler', ahead)}, or its messages wait so long for a worker"}
