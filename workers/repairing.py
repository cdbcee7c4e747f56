"""Moments further ahead than they can be: a clock wrote them that has been right again since, or is wrong still."""

from __future__ import annotations

import logging
from datetime import datetime

from workers import dispatch, runs
from workers.database_time import TOO_FAR
from workers.models import Clock, WorkerProcess
from workers.monitoring import alarms

log = logging.getLogger(__name__)


def repair(before: Clock, now: datetime) -> None:
    """Mend what lies further ahead of `now` than it can, and tell. `before` is the clock's row before this tick."""
    found = [*_clock(before, now), *dispatch.repair(now), *runs.repair(now), *_processes(now)]
    if found:
        log.warning("Found further ahead than it can be, and mended: %s", "; ".join(found))
        alarms.note_repairs(found, now)


def _clock(before: Clock, now: datetime) -> list[str]:
    ahead = now + TOO_FAR
    Clock.objects.filter(silent_until__gt=ahead).update(silent_until=None)
    return [f"the last tick, {before.last_tick:%Y-%m-%d %H:%M:%S} UTC"] if (before.last_tick or now) > ahead else []


def _processes(now: datetime) -> list[str]:
    """Who lives beats again before anybody takes the silence for death."""
    mended = WorkerProcess.objects.filter(beat_at__gt=now + TOO_FAR).update(beat_at=now)
    return [f"the heartbeats of {mended} worker processes"] if mended else []
