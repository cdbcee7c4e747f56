"""Cron fields: checked text, and the walls that the fields name together; they know no zone.

APScheduler's field classes parse and match them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from functools import cache
from typing import Any

from apscheduler.triggers.cron import CronTrigger as WallClockCron
from apscheduler.triggers.cron.expressions import MONTHS, WEEKDAYS
from apscheduler.triggers.cron.fields import DEFAULT_VALUES, MAX_VALUES, MIN_VALUES, SEPARATOR

from workers.triggers.values import TriggerError, quoted

CRON_FIELDS: tuple[str, ...] = WallClockCron.FIELD_NAMES
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

# APScheduler 3.11 matches the head of an item and ignores the rest ("mon-fri/2" is read as "mon-fri"), so
# items are checked whole before it sees them.
NUMERIC_ITEM = re.compile(r"(\*|(\d+)(-(\d+))?)(/(\d+))?", re.ASCII)
DAY_ITEM = re.compile(rf"last|(1st|2nd|3rd|4th|5th|last) ({'|'.join(WEEKDAYS)})")
LONGEST_TEXT = 500


class CronFields:
    """Fields in APScheduler's syntax, given or filled in: finer than the finest one given at their minimum, else `*`.

    Parameters:
        given: the fields by name.
        either_day: whether a date that matches one of day and day_of_week is enough, as in crontab(5).

    Attributes:
        given: the fields in one spelling: a number as it is, text in lower case with single spaces.
        months, hours, minutes, seconds: the values that these fields name, ascending.
        follows_elapsed_time: whether the hour begins with `*`; any other hour names fixed walls.

    Raises TriggerError.
    """

    def __init__(self, given: Mapping[str, object], *, either_day: bool = False) -> None:
        self.given = {name: _in_one_spelling(name, value) for name, value in given.items()}
        if not self.given:
            names = ", ".join(CRON_FIELDS)
            raise TriggerError("trigger", f"a cron trigger needs one of {names}, such as hour: 5")
        self.either_day = either_day
        self._fields = _compiled(self.given)
        # What each field names, once: text of 500 characters may have a hundred items, and a date that no item matches
        # is looked for through four hundred years.
        named = {name: _numbers(self.text(name), MIN_VALUES[name], MAX_VALUES[name]) for name in CRON_FIELDS}
        self._years, self.months, self.hours, self.minutes, self.seconds = (
            sorted(named[name]) for name in ("year", "month", "hour", "minute", "second")
        )
        self._numbered = {name: named[name] for name in ("day", "week", "day_of_week")}
        self._positions = [each for each in self._fields["day"].expressions if DAY_ITEM.fullmatch(str(each))]
        self.follows_elapsed_time = self.text("hour").startswith("*")
        self._days = cache(self._matching_days)

    def text(self, name: str) -> str:
        return str(self._fields[name])

    def match(self, name: str, day: date) -> bool:
        """Whether the field of that name, one of a date's, matches the day."""
        match name:
            case "week":
                return day.isocalendar().week in self._numbered[name]
            case "day_of_week":
                return day.weekday() in self._numbered[name]
            case _:
                return day.day in self._numbered["day"] or day.day in self._at_positions(day.year, day.month)

    def _at_positions(self, year: int, month: int) -> set[int]:
        """The days of a month that items such as `2nd fri` and `last` name."""
        first = date(year, month, 1)
        return {each.get_next_value(first, self._fields["day"]) for each in self._positions}

    def walls(self, first: datetime) -> Iterator[datetime]:
        """Every matching wall at or after `first` (naive, whole seconds), ascending."""
        for day in self.dates(first.date()):
            earliest = first.time() if day == first.date() else time.min
            hour, minute, second = earliest.hour, earliest.minute, earliest.second
            yield from (
                datetime(day.year, day.month, day.day, h, m, s)
                for h in self.hours
                if h >= hour
                for m in self.minutes
                if (h, m) >= (hour, minute)
                for s in self.seconds
                if (h, m, s) >= (hour, minute, second)
            )

    def dates(self, first: date) -> Iterator[date]:
        """Every matching date at or after `first`, ascending."""
        for year in self._years[bisect_left(self._years, first.year) :]:
            for month in self.months:
                if (year, month) >= (first.year, first.month):
                    # The Gregorian calendar repeats after 400 years, weekdays and ISO weeks included.
                    days = self._days(2000 + year % 400, month)
                    yield from (day for n in days if (day := date(year, month, n)) >= first)

    def _matching_days(self, year: int, month: int) -> list[int]:
        days = self._numbered["day"] | self._at_positions(year, month)
        length = monthrange(year, month)[1]
        dates = [date(year, month, n) for n in range(1, length + 1) if self.either_day or n in days]
        enough = any if self.either_day else all
        return [
            day.day
            for day in dates
            if enough((day.day in days, self.match("day_of_week", day))) and self.match("week", day)
        ]


def numbered(text: str, names: Sequence[str], *, first: int) -> str:
    """The text with each of the names replaced by its number, counted from `first`."""
    numbers = {name: str(number) for number, name in enumerate(names, first)}
    return re.sub("[a-z]+", lambda word: numbers.get(word[0], word[0]), text)


def _numbers(text: str, least: int, most: int) -> set[int]:
    """The numbers that a field's items name: those of its items that are no days such as `2nd fri`."""
    found: set[int] = set()
    for item in SEPARATOR.split(text):
        if match := NUMERIC_ITEM.fullmatch(item):
            _, low, _, high, _, step = match.groups()
            last = int(high or (most if step or low is None else low))
            found.update(range(int(low or least), last + 1, int(step or 1)))
    return found


def bad_field(name: str, value: object) -> TriggerError:
    return TriggerError(
        f"trigger.{name}",
        f"{quoted(value)} is not valid for {name}: numbers run from {MIN_VALUES[name]} to {MAX_VALUES[name]}, ranges"
        f" from low to high, and a step is at least 1 and fits into its range; write {EXAMPLES[name]}",
    )


def _in_one_spelling(name: str, value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        return " ".join(value.lower().split())
    raise bad_field(name, value)


def _compiled(given: dict[str, int | str]) -> dict[str, Any]:
    """APScheduler's field for every name, given or not."""
    finest = max(map(CRON_FIELDS.index, given))
    values = {name: "*" if index < finest else DEFAULT_VALUES[name] for index, name in enumerate(CRON_FIELDS)} | given
    return {name: _compiled_field(name, value) for name, value in values.items()}


def _compiled_field(name: str, value: int | str) -> Any:
    text = str(value)
    if name == "month":
        text = numbered(text, MONTHS, first=1)
    if name == "day_of_week":
        text = numbered(text, WEEKDAYS, first=0)
    items = list(dict.fromkeys(SEPARATOR.split(text)))
    for item in items:
        if not (NUMERIC_ITEM.fullmatch(item) or (name == "day" and DAY_ITEM.fullmatch(item))):
            raise bad_field(name, value)
    try:
        return WallClockCron.FIELDS_MAP[name](name, ",".join(items))
    except ValueError:
        raise bad_field(name, value) from None
