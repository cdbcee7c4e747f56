"""What happens each minute: the heartbeat, the generation that was missed, and the work that stalled."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from workers import generation
from workers.models import Clock, Generation

log = logging.getLogger(__name__)

#: How long a tick may take before the next one no longer waits for it: it has died.
LEASE = timedelta(seconds=50)

#: When the nightly generation is due, on the clock of TIME_ZONE.
GENERATE_AT = time(5)

#: How long after its time the nightly generation counts as missed.
GRACE = timedelta(seconds=60)


def tick(now: datetime) -> None:
    """Keep the heartbeat and do what is due at `now`. Returns at once while another tick is at work.

    An error in one part is logged and keeps no other from its turn.
    """
    if not _take_turn(now):
        return
    for part in (catch_up, generation.reconcile):
        _attempt(part, now)
    Clock.objects.update(busy_until=None)


def catch_up(now: datetime) -> None:
    """Send the latest nightly generation if nothing recorded that it began."""
    from workers.actors import generate_upcoming_game_sessions

    slot = last_slot(now)
    if now - slot >= GRACE and not Generation.objects.filter(slot=slot).exists():
        log.warning("The generation of %s was missed and is made up for", slot)
        generate_upcoming_game_sessions.send_with_options(scheduled_at=slot.isoformat())


def generate(now: datetime, *, days: int | None, scheduled_at: datetime | None) -> None:
    """Begin a generation and send its messages; nothing when its slot has had one or is none of the clock's.

    A message of periodiq's says when it was sent, which is some seconds after its slot, and after a restart of
    the scheduler inside the minute says so twice.
    """
    slot = scheduled_at.replace(second=0, microsecond=0) if scheduled_at else None
    if slot and slot != last_slot(slot):
        log.warning("%s is no time of the nightly generation: nothing is done", slot)
        return
    begun = generation.begin(now, days=days, slot=slot)
    if begun:
        generation.fan_out(begun, now=now)


def last_slot(now: datetime) -> datetime:
    """The latest time at or before `now` (aware) at which the nightly generation was due."""
    zone = ZoneInfo(settings.TIME_ZONE)
    today = now.astimezone(zone).date()
    slot = datetime.combine(today, GENERATE_AT, tzinfo=zone)
    return slot if slot <= now else datetime.combine(today - timedelta(1), GENERATE_AT, tzinfo=zone)


def _take_turn(now: datetime) -> bool:
    Clock.objects.get_or_create(pk=1)
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    return bool(Clock.objects.filter(free, pk=1).update(last_tick=now, busy_until=now + LEASE))


def _attempt(part: Callable[[datetime], object], now: datetime) -> None:
    try:
        part(now)
    except Exception:
        log.exception("The tick went on without %s", part.__name__)
