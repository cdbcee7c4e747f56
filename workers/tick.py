"""The tick: what happens each minute, one part after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections
from django.db.models import F, Q

from workers import dead_letters, dispatch, generation, repairing, runs
from workers.database_time import TOO_FAR, Reading, off
from workers.models import Clock
from workers.monitoring import alarms

log = logging.getLogger(__name__)

#: How long a tick may take before the next one no longer waits for it: it has died.
LEASE = timedelta(seconds=50)

#: How old a tick's message may be, and how recent a tick overtakes one that is older.
LATE, RECENT = timedelta(seconds=60), timedelta(seconds=30)


def take(clocks: Reading, scheduled_at: datetime | None) -> None:
    """Tick, if this worker's clock is right enough and the message of `scheduled_at` has not been overtaken.

    What comes late may have been sent by a scheduler whose clock is behind, and is then all that there is.
    """
    if clocks.is_too_far_off():
        log.error("No tick is taken: this worker's clock is %s", off(clocks.ahead))
    elif scheduled_at is None or clocks.now - scheduled_at < LATE or not _has_ticked(clocks.now):
        tick(clocks.now, scheduled_at)


def tick(now: datetime, scheduled_at: datetime | None = None) -> None:
    """Keep the heartbeat and do what is due at `now`, the database's time. Returns at once while another is at work.

    `scheduled_at` is the scheduler's time. An error in one part is logged and keeps no other from its turn.
    """
    before = Clock.objects.get_or_create(pk=1)[0]
    if not _take_turn(now, scheduled_at):
        return

    def repair(now: datetime) -> None:
        repairing.repair(before, now)

    parts = (
        dispatch.follow_zones,  # first, or a time by other zone data would look like a wrong clock's
        repair,
        runs.reap,
        dispatch.revive,
        dispatch.dispatch_due,
        dispatch.dispatch_missed,
        runs.resend,
        generation.reconcile,
        dead_letters.collect,
        alarms.tell_troubles,
    )
    for part in parts:
        _attempt(part, now)
    Clock.objects.filter(busy_until=now + LEASE).update(busy_until=None)


def _take_turn(now: datetime, scheduled_at: datetime | None = None) -> bool:
    # No tick holds a lease that ends so late: one died that believed another time.
    free = Q(busy_until=None) | Q(busy_until__lte=now) | Q(busy_until__gt=now + LEASE + TOO_FAR)
    values: dict[str, Any] = {"last_tick": now, "busy_until": now + LEASE}
    if scheduled_at:
        values |= {"scheduler_ahead": scheduled_at - now, "scheduler_ahead_before": F("scheduler_ahead")}
    return bool(Clock.objects.filter(free, pk=1).update(**values))


def _has_ticked(now: datetime) -> bool:
    return Clock.objects.filter(last_tick__gt=now - RECENT, last_tick__lte=now).exists()


def _attempt(part: Callable[[datetime], object], now: datetime) -> None:
    try:
        part(now)
    except Exception:
        log.exception("The tick went on without %s", part.__name__)
        close_old_connections()  # or one that broke would break every later part
