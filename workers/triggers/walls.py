"""Walls and instants: how the clocks of a zone are read, also where daylight saving changes them.

A *wall* is what a clock on the wall of the job's zone shows: a naive datetime. A *reading* is the UTC offset that
turns an instant into a wall: `wall = instant + reading`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from workers.triggers.words import clock, spoken_date

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def wall_at(instant: datetime, reading: timedelta) -> datetime:
    return (instant + reading).replace(tzinfo=None)


def localised(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall, in UTC.

    `fold=0` reads it by the offset before a change: so a wall that the clocks skip is shifted forward by the gap
    (RFC 5545 §3.3.5), and of one that they show twice the first is taken.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def readings_from(
    zone: ZoneInfo, moment: datetime, *, follows_elapsed_time: bool = False
) -> tuple[tuple[timedelta, ...], datetime]:
    """The readings of a clock from `moment` on, and the instant until which they hold, at most a day later.

    Ordinarily there is one reading, the zone's offset. For fixed times there are two for as long after a gap as the
    gap is wide: the offset before the gap is read as well, which shifts the skipped walls. After a fold there is no
    reading for as long as the fold is wide, because its walls were shown before.
    """
    before, here, later = (_offset(zone, moment + shift) for shift in (-DAY, timedelta(), DAY))
    end = moment + DAY if later == here else _change(zone, moment, moment + DAY)
    if follows_elapsed_time or before == here:
        return (here,), end
    settled = _change(zone, moment - DAY, moment) + abs(here - before)
    if moment >= settled:
        return (here,), end
    return ((before, here) if here > before else ()), min(end, settled)


def clock_change(wall: datetime, zone: ZoneInfo) -> str | None:
    """What daylight saving does to the wall, in words; None when nothing."""
    fire = localised(wall, zone)
    shown = fire.astimezone(zone).replace(tzinfo=None)
    if shown != wall:
        other_day = "" if shown.date() == wall.date() else f" on {spoken_date(shown)}"
        return f"{clock(wall)} does not exist on {spoken_date(wall)}; runs at {clock(shown)}{other_day}"
    if wall.replace(tzinfo=zone, fold=1).astimezone(UTC) != fire:
        return f"{clock(wall)} happens twice; the first is taken"
    return None


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant in low < instant <= high at which the zone's offset changes; there must be one."""
    offset = _offset(zone, low)
    while high - low > SECOND:
        middle = low + (high - low) / 2
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high.replace(microsecond=0)
