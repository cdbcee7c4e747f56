"""When a job fires: interval, cron and date triggers as pure arithmetic.

Nothing here reads a clock or a database: every moment is passed in, aware, and every fire comes back in UTC.
A *wall* is what a clock on the wall of the job's zone shows: a naive datetime. A *reading* is the UTC offset
that turns one into the other: `wall = instant + reading`.

APScheduler's field classes parse and match cron fields on walls; daylight saving is settled here, because
APScheduler 3.11 returns times that do not exist, skips days whose midnight is missing, and repeats itself in
a fold.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from abc import ABC, abstractmethod
from calendar import day_name, month_name, monthrange
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from heapq import merge
from itertools import groupby, islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from apscheduler.triggers.cron import CronTrigger as WallClockCron
from apscheduler.triggers.cron.expressions import MONTHS, WEEKDAYS
from apscheduler.triggers.cron.fields import DEFAULT_VALUES, MAX_VALUES, MIN_VALUES, SEPARATOR

from events.zones import zone_called

DEFAULT_TIMEZONE = "Australia/Sydney"

INTERVAL_FIELDS = ("weeks", "days", "hours", "minutes", "seconds")
CRON_FIELDS: tuple[str, ...] = WallClockCron.FIELD_NAMES
KNOWN_FIELDS = {
    "interval": INTERVAL_FIELDS,
    "cron": (*CRON_FIELDS, "expression"),
    "date": ("run_date",),
}
EXAMPLES = {
    "year": "2099, 2026-2030 or */2",
    "month": "6, jan, apr-sep, */3 or 1,7",
    "day": "15, 1-7, */5, last, 2nd fri or last sun",
    "week": "5, 1-26 or */2",
    "day_of_week": "0 (Monday), fri, mon-fri or sat,sun",
    "hour": "5, 9-17, */2 or 8,20",
    "minute": "30, 0-29, */15 or 0,30",
    "second": "0, 0-29, */15 or 0,30",
}
CRONTAB_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
# Beyond it, adding a day or an offset leaves what datetime can hold.
LAST_CRON_DAY = datetime(9999, 12, 29, tzinfo=UTC)

# APScheduler 3.11 matches the head of an item and ignores the rest ("mon-fri/2" is read as "mon-fri"), so
# items are checked whole before it sees them.
NUMERIC_ITEM = re.compile(r"(\*|(\d+)(-(\d+))?)(/(\d+))?", re.ASCII)
DAY_ITEM = re.compile(rf"last|(1st|2nd|3rd|4th|5th|last) ({'|'.join(WEEKDAYS)})")
LONGEST_TEXT = 500


class TriggerError(ValueError):
    """A trigger that cannot be accepted.

    Attributes:
        field: the offending field as the job's JSON names it: "trigger.hour", "timezone", "end_at".
    `str()` says what is wrong and what would be right.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


# --- The three triggers ---


class Trigger(ABC):
    """What the three triggers share: bounds, zone, jitter, and fires derived from `_from`.

    Attributes:
        timezone: the zone that walls are read in.
        start_at, end_at: inclusive bounds, UTC, or None.
        jitter: the most seconds a run may start after its slot; fires themselves are nominal (see `jitter_of`).
    """

    def __init__(
        self,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        timezone: tzinfo | str | None = None,
        jitter: int | None = None,
    ) -> None:
        self.timezone = _zone(timezone)
        self.start_at = None if start_date is None else _instant(start_date, self.timezone, "start_at")
        self.end_at = None if end_date is None else _instant(end_date, self.timezone, "end_at")
        self.jitter = _whole(0 if jitter is None else jitter, "jitter", 30)
        if self.start_at and self.end_at and self.end_at < self.start_at:
            raise TriggerError("end_at", "end_at lies before start_at; give a later one")

    def next_fire(self, after: datetime) -> datetime | None:
        """The first fire strictly after `after` (aware), in UTC; None when there is none."""
        return next((fire for fire in self.fires(after, FOREVER) if fire > after), None)

    def fires(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Every fire with first <= fire <= last (both aware), lazily, ascending, in UTC, each instant once."""
        first, last = _aware(first), _aware(last)
        first, last = max(first, self.start_at or first), min(last, self.end_at or last)
        return takewhile(lambda fire: fire <= last, self._from(first))

    @abstractmethod
    def _from(self, first: datetime) -> Iterator[datetime]:
        """Every fire at or after `first` (UTC), ascending, without regard to `end_at`."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The trigger as stored: its type and its own fields. Bounds, zone and jitter are the job's."""

    @abstractmethod
    def describe(self) -> str:
        """A plain English sentence, in the wall clock of the job's zone."""

    @abstractmethod
    def smallest_gap(self) -> timedelta | None:
        """The finest spacing of two fires on an ordinary day; None when there are never two."""

    def note(self, fire: datetime) -> str | None:
        """What daylight saving did to `fire`, one of this trigger's fires; None when nothing."""
        return None

    def _spent(self, now: datetime) -> TriggerError:
        """Why nothing fires after `now`."""
        return TriggerError("end_at", "nothing is left to fire by end_at; give a later end_at, or none")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.to_json()} in {self.timezone}>"


class IntervalTrigger(Trigger):
    """Fires every so many seconds of elapsed time: a day is 24 hours, whatever the clocks do.

    Parameters:
        weeks, days, hours, minutes, seconds: whole numbers, added up; more than nothing.
        start_date: the first fire, from which all others are counted.
        anchor: what fires are counted from when there is no start_date: the time of creation (aware; taken to
            the second). It is no fire itself, as in APScheduler: the first run comes one interval later.
        end_date, timezone, jitter: see `Trigger`.

    Raises TriggerError; also from `next_fire` and `fires` when there is neither start_date nor anchor, because
    an interval counted from "now" would shift at each restart.
    """

    def __init__(
        self,
        weeks: int = 0,
        days: int = 0,
        hours: int = 0,
        minutes: int = 0,
        seconds: int = 0,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        timezone: tzinfo | str | None = None,
        jitter: int | None = None,
        *,
        anchor: datetime | None = None,
    ) -> None:
        super().__init__(start_date, end_date, timezone, jitter)
        values = zip(INTERVAL_FIELDS, (weeks, days, hours, minutes, seconds), strict=True)
        given = {name: _whole(value, f"trigger.{name}", 12) for name, value in values}
        self._units = {name: number for name, number in given.items() if number}
        self._step = self._total()
        self._anchor = self.start_at or (anchor and _aware(anchor).replace(microsecond=0))
        self._first_multiple = 0 if self.start_at else 1

    def _total(self) -> timedelta:
        if not self._units:
            names = ", ".join(INTERVAL_FIELDS)
            raise TriggerError("trigger", f"an interval needs one of {names} above 0, such as hours: 12")
        try:
            return timedelta(**self._units)
        except OverflowError:
            field = f"trigger.{next(iter(self._units))}"
            raise TriggerError(field, "the interval is too long; give less than 999,999,999 days") from None

    def _from(self, first: datetime) -> Iterator[datetime]:
        if self._anchor is None:
            raise TriggerError("start_at", "an interval is counted from a moment; give start_date or anchor")
        multiple = max(self._first_multiple, -((self._anchor - first) // self._step))
        while (fire := _later(self._anchor, multiple, self._step)) is not None:
            yield fire
            multiple += 1

    def to_json(self) -> dict[str, Any]:
        return {"type": "interval", **self._units}

    def describe(self) -> str:
        if list(self._units.values()) == [1]:
            return f"every {next(iter(self._units)).removesuffix('s')}"
        parts = [f"{n} {name.removesuffix('s') if n == 1 else name}" for name, n in self._units.items()]
        return f"every {_listed(parts)}"

    def smallest_gap(self) -> timedelta:
        return self._step


class DateTrigger(Trigger):
    """Fires once.

    Parameters:
        run_date: with an offset it is that instant; without one, a wall of the job's zone: shifted forward when
            the clocks skip it, the first when they show it twice. A date alone is its midnight.
        timezone, start_date, end_date, jitter: see `Trigger`.
    """

    def __init__(
        self,
        run_date: datetime | date | str | None = None,
        timezone: tzinfo | str | None = None,
        *,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        jitter: int | None = None,
    ) -> None:
        super().__init__(start_date, end_date, timezone, jitter)
        self._run_date = _moment(run_date, "trigger.run_date")
        self._fire = _instant(self._run_date, self.timezone, "trigger.run_date")

    def _from(self, first: datetime) -> Iterator[datetime]:
        if self._fire >= first:
            yield self._fire

    def to_json(self) -> dict[str, Any]:
        return {"type": "date", "run_date": self._run_date.isoformat()}

    def describe(self) -> str:
        shown = self._run_date.astimezone(self.timezone) if self._run_date.tzinfo else self._run_date
        return f"once, on {_spoken_date(shown)} at {_clock(shown)}"

    def smallest_gap(self) -> timedelta | None:
        return None

    def note(self, fire: datetime) -> str | None:
        return None if self._run_date.tzinfo else _clock_change(self._run_date, self.timezone)

    def _spent(self, now: datetime) -> TriggerError:
        if self._fire <= now:
            return TriggerError("trigger.run_date", f"{self._run_date} has passed; give a time to come")
        if self.start_at and self._fire < self.start_at:
            return TriggerError("start_at", "start_at lies after run_date; give an earlier one, or none")
        return super()._spent(now)


class CronTrigger(Trigger):
    """Fires at every wall that all fields name, like cron with seconds, ISO weeks and years.

    Parameters:
        year, month, day, week, day_of_week, hour, minute, second: APScheduler's fields in its syntax. Fields finer
            than the finest one given are at their minimum, coarser ones `*`. In day_of_week 0 is Monday.
        start_date, end_date, timezone, jitter: see `Trigger`.

    An hour that begins with `*` follows elapsed time: every instant whose wall matches is a fire. Any other names
    fixed walls, each one fire: shifted forward by the gap when the clocks skip it (RFC 5545 §3.3.5), the first
    when they show it twice. Years run from 1970.
    """

    def __init__(
        self,
        year: int | str | None = None,
        month: int | str | None = None,
        day: int | str | None = None,
        week: int | str | None = None,
        day_of_week: int | str | None = None,
        hour: int | str | None = None,
        minute: int | str | None = None,
        second: int | str | None = None,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        timezone: tzinfo | str | None = None,
        jitter: int | None = None,
    ) -> None:
        super().__init__(start_date, end_date, timezone, jitter)
        values = (year, month, day, week, day_of_week, hour, minute, second)
        named = zip(CRON_FIELDS, values, strict=True)
        self._given = {name: _cron_text(name, value) for name, value in named if value is not None}
        if not self._given:
            names = ", ".join(CRON_FIELDS)
            raise TriggerError("trigger", f"a cron trigger needs one of {names}, such as hour: 5")
        self._expression: str | None = None
        self._either_day = False
        self._fields = _compiled(self._given)
        self._follows_elapsed_time = str(self._fields["hour"]).startswith("*")
        self._hours, self._minutes, self._seconds, self._months = (
            list(_named(self._fields[name])) for name in ("hour", "minute", "second", "month")
        )
        self._days = cache(self._matching_days)

    @classmethod
    def from_crontab(
        cls,
        expression: str,
        timezone: tzinfo | str | None = None,
        *,
        start_date: datetime | date | str | None = None,
        end_date: datetime | date | str | None = None,
        jitter: int | None = None,
    ) -> CronTrigger:
        """A trigger from a five-field crontab line: minute, hour, day of month, month, day of week.

        As in crontab(5): 0 and 7 are Sunday, and when neither of the two day fields begins with `*`, a date that
        matches either is taken. Aliases such as `@daily` are understood.

        Raises TriggerError for "trigger.expression".
        """
        if not isinstance(expression, str) or len(expression) > LONGEST_TEXT:
            raise TriggerError("trigger.expression", 'it is not a short text; write "0 5 * * mon-fri"')
        expression = " ".join(expression.lower().split())
        fields = CRONTAB_ALIASES.get(expression, expression).split()
        if len(fields) != 5:
            raise TriggerError(
                "trigger.expression",
                f"{_quoted(expression)} has {len(fields)} fields and needs five: minute hour day month weekday, as in"
                ' "0 5 * * mon-fri"; for seconds, weeks or years give cron fields',
            )
        minute, hour, day, month, weekday = fields
        try:
            if not all(map(NUMERIC_ITEM.fullmatch, day.split(","))):
                raise _bad_field("day", day)
            trigger = cls(
                month=month,
                day=day,
                day_of_week=_crontab_weekdays(weekday),
                hour=hour,
                minute=minute,
                start_date=start_date,
                end_date=end_date,
                timezone=timezone,
                jitter=jitter,
            )
        except TriggerError as error:
            if error.field.startswith("trigger."):
                raise TriggerError("trigger.expression", str(error)) from None
            raise
        trigger._expression = expression
        trigger._either_day = not (day.startswith("*") or weekday.startswith("*"))
        return trigger

    def to_json(self) -> dict[str, Any]:
        return {"type": "cron", **({"expression": self._expression} if self._expression else self._given)}

    def describe(self) -> str:
        return _spoken_cron(self)

    def smallest_gap(self) -> timedelta | None:
        gaps: list[int] = []
        extent = 0  # seconds from the first to the last time named inside the coarser unit
        for values, unit in ((self._seconds, 1), (self._minutes, 60), (self._hours, 3600)):
            gaps += [(later - earlier) * unit - extent for earlier, later in pairwise(values)]
            extent += (values[-1] - values[0]) * unit
        # A hundred dates show every distance that a calendar pattern has.
        dates = islice(self._dates(EPOCH.date()), 100)
        gaps += [(later - earlier).days * 86_400 - extent for earlier, later in pairwise(dates)]
        return timedelta(seconds=min(gaps)) if gaps else None

    def note(self, fire: datetime) -> str | None:
        if self._follows_elapsed_time:
            return None
        fire = _aware(fire)
        shown = (_wall(fire, reading) for reading in _span(self.timezone, fire)[0])
        named = (wall for wall in shown if next(self._walls(wall), None) == wall)
        return next(filter(None, (_clock_change(wall, self.timezone) for wall in named)), None)

    def _from(self, first: datetime) -> Iterator[datetime]:
        moment = self._leap(first)
        while moment:
            readings, end = _span(self.timezone, moment, follows_elapsed_time=self._follows_elapsed_time)
            streams = [self._instants(moment, end, reading) for reading in readings]
            yield from (instant for instant, _ in groupby(merge(*streams)))
            moment = self._leap(end)

    def _instants(self, first: datetime, end: datetime, reading: timedelta) -> Iterator[datetime]:
        """The instants, first <= instant < end, at which a clock read by `reading` shows a matching wall."""
        for wall in self._walls(_wall(first, reading)):
            instant = (wall - reading).replace(tzinfo=UTC)
            if instant >= end:
                return
            yield instant

    def _leap(self, moment: datetime) -> datetime | None:
        """`moment` to the full second, or a later one before which nothing fires; None when nothing will.

        It skips empty years. Readings stay below a day, and so does the distance from a wall to its instant.
        """
        moment = max(moment, EPOCH)
        if moment > LAST_CRON_DAY:
            return None
        if moment.microsecond:
            moment = moment.replace(microsecond=0) + SECOND
        wall = next(self._walls(_wall(moment, -DAY)), None)
        if wall is None or wall.replace(tzinfo=UTC) > LAST_CRON_DAY:
            return None
        return max(moment, wall.replace(tzinfo=UTC) - DAY)

    def _walls(self, first: datetime) -> Iterator[datetime]:
        """Every matching wall at or after `first` (naive, whole seconds), ascending."""
        for day in self._dates(first.date()):
            earliest = first.time() if day == first.date() else time.min
            hour, minute, second = earliest.hour, earliest.minute, earliest.second
            yield from (
                datetime(day.year, day.month, day.day, h, m, s)
                for h in self._hours
                if h >= hour
                for m in self._minutes
                if (h, m) >= (hour, minute)
                for s in self._seconds
                if (h, m, s) >= (hour, minute, second)
            )

    def _dates(self, first: date) -> Iterator[date]:
        """Every matching date at or after `first`, ascending."""
        for year in _named(self._fields["year"], first.year):
            for month in self._months:
                if (year, month) >= (first.year, first.month):
                    # The Gregorian calendar repeats after 400 years, weekdays and ISO weeks included.
                    days = self._days(2000 + year % 400, month)
                    yield from (day for n in days if (day := date(year, month, n)) >= first)

    def _matching_days(self, year: int, month: int) -> list[int]:
        dates = [date(year, month, n) for n in range(1, monthrange(year, month)[1] + 1)]
        enough = any if self._either_day else all
        return [
            day.day
            for day in dates
            if enough((self._names("day", day), self._names("day_of_week", day))) and self._names("week", day)
        ]

    def _names(self, name: str, day: date) -> bool:
        field = self._fields[name]
        return bool(field.get_next_value(day) == field.get_value(day))

    def _spent(self, now: datetime) -> TriggerError:
        upcoming = self._from(max(now, self.start_at or now))
        if any(fire > now for fire in islice(upcoming, 2)):
            return super()._spent(now)
        possible = next(self._dates(EPOCH.date()), None) is not None
        name = "year" if possible else next(n for n in ("day", "week", "day_of_week") if n in self._given)
        field = "trigger.expression" if self._expression else f"trigger.{name}"
        if possible:
            year = self._fields["year"]
            return TriggerError(field, f"it can never fire again: year {year} is over; give a later one")
        words = [f"{name} {text}" for name, text in self._given.items() if name in CRON_FIELDS[:5]]
        dates = repr(self._expression) if self._expression else _listed(words)
        return TriggerError(field, f"it can never fire: no date matches {dates}; name one that exists")


# --- From JSON, and checks ---


def parse(
    spec: dict[str, Any],
    *,
    timezone: tzinfo | str = DEFAULT_TIMEZONE,
    anchor: datetime | None = None,
    start_at: datetime | date | str | None = None,
    end_at: datetime | date | str | None = None,
    jitter: int | None = None,
) -> Trigger:
    """The trigger that a job's JSON describes.

    Parameters:
        spec: `{"type": "interval" | "cron" | "date", …}`; fields that are null count as not given.
        timezone: IANA name of the job's zone.
        anchor: the job's stored anchor (aware): intervals without start_at are counted from it.
        start_at, end_at: inclusive bounds: aware, or walls of the job's zone.
        jitter: whole seconds.

    Raises TriggerError that names the field and the fix. A well-formed trigger with nothing left to fire is
    returned, because a job in code whose date has passed is finished, not wrong; see `ensure_fires`.
    """
    kind = _checked_kind(spec)
    fields = {name: value for name, value in spec.items() if name != "type" and value is not None}
    common: dict[str, Any] = {
        "start_date": start_at,
        "end_date": end_at,
        "timezone": timezone,
        "jitter": jitter,
    }
    if kind == "interval":
        return IntervalTrigger(**fields, **common, anchor=anchor)
    if kind == "date":
        return DateTrigger(**fields, **common)
    if "expression" not in fields:
        return CronTrigger(**fields, **common)
    if len(fields) > 1:
        raise TriggerError("trigger.expression", "give an expression or cron fields, not both")
    return CronTrigger.from_crontab(**fields, **common)


def ensure_fires(trigger: Trigger, now: datetime) -> None:
    """Refuse a trigger with nothing left to fire after `now` (aware).

    Raises TriggerError.
    """
    if trigger.next_fire(now) is None:
        raise trigger._spent(now)


def jitter_of(key: str, slot: datetime, jitter: int) -> timedelta:
    """How long after `slot` (aware) its run is due: 0 to `jitter` seconds, the same wherever it is asked."""
    digest = hashlib.sha256(f"{key} {_aware(slot).isoformat()}".encode()).digest()
    return timedelta(microseconds=int.from_bytes(digest[:8]) % (jitter * 1_000_000 + 1))


def _checked_kind(spec: dict[str, Any]) -> str:
    if not isinstance(spec, dict):
        raise TriggerError("trigger", f'{_quoted(spec)} is not an object; write {{"type": "cron", "hour": 5}}')
    kind = spec.get("type")
    if not isinstance(kind, str) or kind not in KNOWN_FIELDS:
        wrong = f"{_quoted(kind)} is not a type of trigger" if "type" in spec else "the type is missing"
        raise TriggerError("trigger.type", f"{wrong}; use {_listed(list(KNOWN_FIELDS), 'or')}")
    unknown = [name for name in spec if name not in ("type", *KNOWN_FIELDS[kind])]
    if unknown:
        known = ", ".join(KNOWN_FIELDS[kind])
        raise TriggerError(
            f"trigger.{unknown[0]}", f"{_quoted(unknown[0])} is no field of {kind} triggers; theirs are {known}"
        )
    return kind


def _quoted(value: object) -> str:
    return f"{value!r:.60}"


def _whole(value: object, field: str, example: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise TriggerError(field, f"{_quoted(value)} is not a whole number from 0 up; write a number such as {example}")


def _zone(timezone: tzinfo | str | None) -> ZoneInfo:
    if isinstance(timezone, ZoneInfo):
        return timezone
    name = "UTC" if timezone is UTC else DEFAULT_TIMEZONE if timezone is None else timezone
    if not isinstance(name, str):
        raise TriggerError("timezone", f"{_quoted(name)} is no name; use an IANA name such as {DEFAULT_TIMEZONE}")
    zone = zone_called(name)
    if zone is None:
        near = difflib.get_close_matches(name, available_timezones(), n=1) or [DEFAULT_TIMEZONE]
        raise TriggerError("timezone", f"{_quoted(name)} is no zone; use an IANA name such as {near[0]}")
    return zone


def zone_or_usual(name: object) -> ZoneInfo:
    """The zone called `name`, to read bare times in; where none is called so, DEFAULT_TIMEZONE."""
    return (zone_called(name) if isinstance(name, str) else None) or ZoneInfo(DEFAULT_TIMEZONE)


def _moment(value: object, field: str) -> datetime:
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    wrong = "it is missing" if value is None else f"{_quoted(value)} is not a date and time"
    raise TriggerError(field, f"{wrong}; write 2026-11-26T19:00 (the job's zone) or 2026-11-26T19:00+11:00")


def _instant(value: object, zone: ZoneInfo, field: str) -> datetime:
    moment = _moment(value, field)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else _localised(moment, zone)
    except OverflowError:
        raise TriggerError(field, f"{moment} is beyond the calendar; use the years 2 to 9998") from None


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} is naive; pass an aware datetime")
    return moment.astimezone(UTC)


def _later(anchor: datetime, multiple: int, step: timedelta) -> datetime | None:
    try:
        return anchor + multiple * step
    except OverflowError:
        return None


# --- Cron fields ---


def _cron_text(name: str, value: object) -> int | str:
    """The value in one spelling: a number as it is, text in lower case with single spaces."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return " ".join(value.lower().split())
    raise _bad_field(name, value)


def _compiled(given: dict[str, int | str]) -> dict[str, Any]:
    """APScheduler's field for every name, given or not."""
    finest = max(map(CRON_FIELDS.index, given))
    values = {name: "*" if index < finest else DEFAULT_VALUES[name] for index, name in enumerate(CRON_FIELDS)} | given
    return {name: _compiled_field(name, value) for name, value in values.items()}


def _compiled_field(name: str, value: int | str) -> Any:
    text = str(value)
    if name == "month":
        text = _numbered(text, MONTHS, first=1)
    if name == "day_of_week":
        text = _numbered(text, WEEKDAYS, first=0)
    for item in SEPARATOR.split(text):
        if not (NUMERIC_ITEM.fullmatch(item) or (name == "day" and DAY_ITEM.fullmatch(item))):
            raise _bad_field(name, value)
    try:
        return WallClockCron.FIELDS_MAP[name](name, text)
    except ValueError:
        raise _bad_field(name, value) from None


def _numbered(text: str, names: Sequence[str], *, first: int) -> str:
    numbers = {name: str(number) for number, name in enumerate(names, first)}
    return re.sub("[a-z]+", lambda word: numbers.get(word[0], word[0]), text)


def _bad_field(name: str, value: object) -> TriggerError:
    return TriggerError(
        f"trigger.{name}",
        f"{_quoted(value)} will not do for {name}: numbers run from {MIN_VALUES[name]} to {MAX_VALUES[name]}, ranges"
        f" from low to high, and a step is at least 1 and fits into its range; write {EXAMPLES[name]}",
    )


def _crontab_weekdays(text: str) -> str:
    """A crontab's weekdays (0 and 7 are Sunday) as APScheduler's (0 is Monday)."""
    numbered = _numbered(text.replace("-sun", "-7"), (WEEKDAYS[-1], *WEEKDAYS[:-1]), first=0)
    days: set[int] = set()
    for item in numbered.split(","):
        match = NUMERIC_ITEM.fullmatch(item)
        if not match:
            raise _bad_crontab_weekday(text)
        _, low, _, high, _, step = match.groups()
        first = int(low or 0)
        last = int(high or (low if low and not step else 6))
        if not first <= last <= 7 or (step and not 1 <= int(step) <= 6):
            raise _bad_crontab_weekday(text)
        days |= {(number - 1) % 7 for number in range(first, last + 1, int(step or 1))}
    return ",".join(map(str, sorted(days)))


def _bad_crontab_weekday(text: str) -> TriggerError:
    return TriggerError(
        "trigger.day_of_week",
        f"{_quoted(text)} will not do for the weekday: 0 and 7 are Sunday, ranges run from low to high, and a step is"
        " 1 to 6; write 5, fri, mon-fri or 0,6",
    )


def _named(field: Any, first: int | None = None) -> Iterator[int]:
    """The values from `first` on, ascending, that a year, month, hour, minute or second field names."""
    value = max(MIN_VALUES[field.name], first or 0)
    while value <= MAX_VALUES[field.name]:
        value = field.get_next_value(datetime(2000, 1, 1).replace(**{field.name: value}))
        if value is None:
            return
        yield value
        value += 1


# --- Wall and instant ---


def _wall(instant: datetime, reading: timedelta) -> datetime:
    return (instant + reading).replace(tzinfo=None)


def _reading(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _localised(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall: `fold=0` reads it by the offset before a change, so a gap shifts it forward (RFC 5545
    §3.3.5) and of two the first is taken."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _span(
    zone: ZoneInfo, moment: datetime, *, follows_elapsed_time: bool = False
) -> tuple[tuple[timedelta, ...], datetime]:
    """How a wall clock is read from `moment` on, and until when, at most a day later.

    Ordinarily there is one reading, the zone's offset. For fixed times there are two for as long after a gap as
    the gap is wide: by the offset before it the skipped walls are shifted. And for as long after a fold there is
    none, because those walls have been.
    """
    before, here, later = (_reading(zone, moment + shift) for shift in (-DAY, timedelta(), DAY))
    end = moment + DAY if later == here else _change(zone, moment, moment + DAY)
    if follows_elapsed_time or before == here:
        return (here,), end
    settled = _change(zone, moment - DAY, moment) + abs(here - before)
    if moment >= settled:
        return (here,), end
    return ((before, here) if here > before else ()), min(end, settled)


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant in low < instant <= high at which the zone's offset changes; there must be one."""
    reading = _reading(zone, low)
    while high - low > SECOND:
        middle = low + (high - low) / 2
        low, high = (middle, high) if _reading(zone, middle) == reading else (low, middle)
    return high.replace(microsecond=0)


def _clock_change(wall: datetime, zone: ZoneInfo) -> str | None:
    fire = _localised(wall, zone)
    shown = fire.astimezone(zone).replace(tzinfo=None)
    if shown != wall:
        other_day = "" if shown.date() == wall.date() else f" on {_spoken_date(shown)}"
        return f"{_clock(wall)} does not exist on {_spoken_date(wall)}; runs at {_clock(shown)}{other_day}"
    if wall.replace(tzinfo=zone, fold=1).astimezone(UTC) != fire:
        return f"{_clock(wall)} happens twice; the first is taken"
    return None


# --- In words ---


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def _spoken_date(day: date) -> str:
    return f"{day.day} {month_name[day.month]} {day.year}"


def _listed(words: Sequence[str], last: str = "and") -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _spoken(values: Sequence[int], word: Callable[[int], str] = str) -> str:
    """Three or more in a row as "a to b", others one by one."""
    if len(values) > 2 and values[-1] - values[0] == len(values) - 1:
        return f"{word(values[0])} to {word(values[-1])}"
    return _listed([word(value) for value in values])


def _spoken_cron(trigger: CronTrigger) -> str:
    times, dates = _spoken_times(trigger), _spoken_dates(trigger)
    if not dates and "every" not in times:
        dates = "every day"
    return ", ".join(filter(None, (times, dates)))


def _spoken_times(trigger: CronTrigger) -> str:
    hours, minutes, seconds = trigger._hours, trigger._minutes, trigger._seconds
    if len(minutes) == len(seconds) == 1 and not trigger._follows_elapsed_time:
        clocks = [_clock(datetime(2000, 1, 1, hour, minutes[0], seconds[0])) for hour in hours]
        if len(hours) <= 4:
            return f"at {_listed(clocks)}"
        if hours[-1] - hours[0] == len(hours) - 1:
            return f"every hour from {clocks[0]} to {clocks[-1]}"
    words = ""
    for unit, values, size in (("second", seconds, 60), ("minute", minutes, 60), ("hour", hours, 24)):
        if unit != "hour" and not words and values == [0]:
            continue
        words = _with_unit(words, unit, values, size)
    return words


def _with_unit(words: str, unit: str, values: Sequence[int], size: int) -> str:
    if len(values) == size:
        return words if "every" in words else f"{words} of every {unit}" if words else f"every {unit}"
    step = size // len(values)
    if not words and len(values) > 1 and list(values) == list(range(0, size, step)):
        return f"every {step} {unit}s"
    named = f"{unit}{'s' if len(values) > 1 else ''} {_spoken(values)}"
    return f"{words}, in {named}" if words else f"at {named}"


def _spoken_dates(trigger: CronTrigger) -> str:
    every_month = len(trigger._months) == 12
    months = _spoken(trigger._months, lambda number: month_name[number])
    days, weekdays = _spoken_days(trigger), _spoken_weekdays(trigger)
    words = ""
    if trigger._either_day:
        words = f"on the {days} of the month or every {weekdays or 'day'}"
    elif days:
        words = f"on the {days} of {'every month' if every_month else months}"
        words += f" when that is {weekdays}" if weekdays else ""
    elif weekdays:
        words = weekdays if " to " in weekdays else f"every {weekdays}"
    if not every_month and (trigger._either_day or not days):
        words += f", in {months}"
    week, year = str(trigger._fields["week"]), str(trigger._fields["year"])
    words += "" if week == "*" else f", in ISO week {week}"
    words += "" if year == "*" else f", in {year}" if year.isdigit() else f", in years {year}"
    return words.removeprefix(", ")


def _spoken_weekdays(trigger: CronTrigger) -> str:
    monday = date(2001, 1, 1)
    numbers = [n for n in range(7) if trigger._names("day_of_week", monday + n * DAY)]
    return "" if len(numbers) == 7 else _spoken(numbers, lambda number: day_name[number])


def _spoken_days(trigger: CronTrigger) -> str:
    text = str(trigger._fields["day"])
    if text == "*":
        return ""
    if re.search("[a-z]", text):
        return _listed([_spoken_day_item(item) for item in text.split(",")])
    return _spoken([n for n in range(1, 32) if trigger._names("day", date(2000, 1, n))], _ordinal)


def _spoken_day_item(item: str) -> str:
    if item == "last":
        return "last day"
    if " " in item:
        position, weekday = item.split()
        return f"{position} {day_name[WEEKDAYS.index(weekday)]}"
    return _ordinal(int(item)) if item.isdigit() else f"days {item}"
