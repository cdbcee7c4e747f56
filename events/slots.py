"""Rule, exceptions, closures and holidays become slots: each date with its instant, or the reason it is skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from events.recurrence import Rule, dates

#: The first and the last date that a calendar may hold. Beyond them some zone's instants cannot be stored or shown.
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)

#: The longest that a session can last.
LONGEST_NIGHT = timedelta(days=1)

#: No session starts at this instant or later, wherever it is played.
END_OF_TIME = datetime(2201, 1, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Slot:
    """A date of a game. A skipped one has no instants, but a reason and what it is due to."""

    date: date
    starts_at: datetime | None = None  # UTC
    ends_at: datetime | None = None  # UTC
    note: str | None = None
    skipped: str | None = None
    cause: str = ""  # of the skipping: exception, closure or holiday


@dataclass(frozen=True, slots=True)
class Closed:
    """Dates, both included, on which nothing is played."""

    first: date
    last: date
    reason: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that decides about the slots of one game.

    `start_time` is wall-clock time in `zone`; `excluded` and `added` map dates to reasons; `holiday` names the
    public holiday that a date is, when the game is not played on those.
    """

    rule: Rule
    start_time: time
    duration: timedelta
    zone: ZoneInfo
    excluded: dict[date, str] = field(default_factory=dict)
    added: dict[date, str] = field(default_factory=dict)
    closures: tuple[Closed, ...] = ()
    holiday: Callable[[date], str | None] = lambda day: None

    def slots(self, first: date, last: date) -> Iterator[Slot]:
        """The slots of the local dates `first` to `last`, both included, in order."""
        return (self.slot(day) for day in self.dates(first, last))

    def dates(self, first: date, last: date) -> list[date]:
        """The dates from `first` to `last`, both included, that the rule or an exception names, in order."""
        return sorted({*dates(self.rule, first, last), *(day for day in self.added if first <= day <= last)})

    def slot(self, day: date) -> Slot:
        """The slot of a date that the rule or an exception names."""
        skipped = self._skipped(day)
        if skipped:
            reason, cause = skipped
            return Slot(day, skipped=reason, cause=cause)
        starts_at, note = localise(day, self.start_time, self.zone)
        if starts_at is None:
            return Slot(day, skipped=note, cause="exception")
        return Slot(day, starts_at, starts_at + self.duration, note)

    def _skipped(self, day: date) -> tuple[str, str] | None:
        if day in self.excluded:
            reason = self.excluded[day]
            return (f"excluded: {reason}" if reason else "excluded"), "exception"
        for closed in self.closures:
            if closed.first <= day <= closed.last:
                return f"closed: {closed.reason}", "closure"
        holiday = self.holiday(day)
        return (holiday, "holiday") if holiday else None


def localise(day: date, at: time, zone: ZoneInfo) -> tuple[datetime | None, str | None]:
    """The instant (UTC) of a wall-clock time, and a note when the clocks change there.

    A time in a gap is moved forward by the gap; a time that happens twice is the first of the two instants
    (RFC 5545 §3.3.5). A date that a zone left out altogether (Pacific/Apia, 30 December 2011) has no instant:
    moved by the gap it would double the next day's game.
    """
    wall = datetime.combine(day, at, tzinfo=zone)  # fold=0: in a gap, the offset from before it
    instant = wall.astimezone(UTC)
    real = instant.astimezone(zone)
    if real.replace(tzinfo=None) != wall.replace(tzinfo=None):
        if real.replace(tzinfo=None) - wall.replace(tzinfo=None) >= timedelta(days=1):
            return None, f"{day} does not exist in {zone}"
        return instant, f"{at:%H:%M} does not exist; moved to {real:%H:%M}"
    if wall.replace(fold=1).utcoffset() != wall.utcoffset():
        return instant, f"{at:%H:%M} happens twice; the first is taken"
    return instant, None


def midnight(day: date, zone: ZoneInfo, days_later: int = 0) -> datetime:
    """The instant (UTC) at which a date, or the one so many days later, begins in `zone`.

    Where the clocks skip 00:00 it is the instant at which they do; where 00:00 comes twice, the first. A date of the
    year 1 or 9999 counts as the nearest of another year: near the ends of the calendar an instant has no date in
    some zones.
    """
    day = min(max(day, date(2, 1, 1)), date(9998, 12, 31))
    return datetime.combine(day + timedelta(days_later), time.min, tzinfo=zone).astimezone(UTC)
