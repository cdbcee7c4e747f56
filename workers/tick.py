"""The tick: what happens each minute, one part after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import close_old_connections
from django.db.models import Q

from workers import dead_letters, dispatch, generation, runs
from workers.models import Clock
from workers.monitoring import alarms

log = logging.getLogger(__name__)

#: How long a tick may take before the next one no longer waits for it: it has died.
LEASE = timedelta(seconds=50)


def tick(now: datetime) -> None:
    """Keep the heartbeat and do what is due at `now`. Returns at once while another tick is at work.

    An error in one part is logged and keeps no other from its turn.
    """
    if not _take_turn(now):
        return
    parts = (
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


def _take_turn(now: datetime) -> bool:
    Clock.objects.get_or_create(pk=1)
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    return bool(Clock.objects.filter(free, pk=1).update(last_tick=now, busy_until=now + LEASE))


def _attempt(part: Callable[[datetime], object], now: datetime) -> None:
    try:
        part(now)
    except Exception:
        log.exception("The tick went on without %s", part.__name__)
        close_old_connections()  # or one that broke would break every later part
