"""Which local dates a recurrence rule names: date arithmetic alone, without clocks, zones or a database.

Rules mean what RFC 5545 §3.3.10 says they mean, weeks starting on Monday. Months too short for the day
wanted follow RFC 7529 §4.1: "clamp" is its SKIP=BACKWARD, "skip" its SKIP=OMIT.

Two engines answer every repeating rule. Daily and weekly rules repeat one pattern of days, every seven
intervals or interval weeks; monthly and yearly rules name at most one date in each month that is their turn.
Both start counting at the window asked for, so an old rule costs no more than a young one.

All functions but `check` expect a rule that `check` accepts.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import date
from itertools import islice

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class RuleError(ValueError):
    """A rule that cannot be meant: `field` names what to change, the text says why and to what."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence in local dates, as staff describe it. What is left out is taken from `start_date`.

    Fields:
      recurrence: "once", "daily", "weekly", "monthly" or "yearly".
      start_date: the first date the rule may name, and the anchor of every interval.
      interval: every so many days, Monday weeks, months or years.
      weekdays: members of `WEEKDAYS`. They constrain daily and weekly rules; `nth` takes exactly one.
      month_day: day of the month, 1 to 31; monthly only.
      nth: which such weekday of the month, 1 to 4, or -1 for the last; monthly only.
      month_end: "clamp" or "skip", for months that lack the 29th, 30th or 31st; monthly and yearly.
      end_date: the last date the rule may name, inclusive.
    """

    recurrence: str
    start_date: date
    interval: int = 1
    weekdays: tuple[str, ...] = ()
    month_day: int | None = None
    nth: int | None = None
    month_end: str = "clamp"
    end_date: date | None = None


def dates(rule: Rule, first: date, last: date) -> list[date]:
    """The dates the rule names from `first` to `last`, both inclusive, ascending."""
    return list(_named(rule, first, last))


def last_date(rule: Rule, count: int) -> date | None:
    """The date of occurrence number `count` (from 1), or None when the rule names fewer."""
    return next(islice(_named(rule, date.min, date.max), count - 1, None), None)


def next_date(rule: Rule, first: date) -> date | None:
    """The first date the rule names on or after `first`, or None when there is none."""
    return next(_named(rule, first, date.max), None)


def _named(rule: Rule, first: date, last: date) -> Iterator[date]:
    first = max(first, rule.start_date)
    last = min(last, rule.end_date or date.max)
    match rule.recurrence:
        case "once":
            return (day for day in [rule.start_date] if first <= day <= last)
        case "daily" | "weekly":
            return _by_days(rule, first, last)
        case _:
            return _by_months(rule, first, last)


def _by_days(rule: Rule, first: date, last: date) -> Iterator[date]:
    # Ordinals, not dates: a turn may reach past date.max.
    earliest, latest = first.toordinal(), last.toordinal()
    anchor, offsets = _pattern(rule)
    period = 7 * rule.interval
    current_turn = earliest - (earliest - anchor) % period
    for turn in range(current_turn, latest + 1, period):
        for offset in offsets:
            if earliest <= turn + offset <= latest:
                yield date.fromordinal(turn + offset)


def _pattern(rule: Rule) -> tuple[int, list[int]]:
    """The ordinal at which turns of 7 * interval days begin, and the offsets of the days named in each."""
    start, weekday = rule.start_date.toordinal(), rule.start_date.weekday()
    allowed = _weekday_numbers(rule)
    if rule.recurrence == "weekly":
        return start - weekday, allowed
    # Seven equal steps come back to the weekday they left, so they meet every weekday they ever will.
    steps = range(0, 7 * rule.interval, rule.interval)
    return start, [step for step in steps if (weekday + step) % 7 in allowed]


def _weekday_numbers(rule: Rule) -> list[int]:
    """The weekdays the rule allows, ascending, Monday being 0."""
    if rule.weekdays:
        return [number for number, name in enumerate(WEEKDAYS) if name in rule.weekdays]
    if rule.recurrence == "weekly":
        return [rule.start_date.weekday()]
    return list(range(7))


def _by_months(rule: Rule, first: date, last: date) -> Iterator[date]:
    step = rule.interval * (12 if rule.recurrence == "yearly" else 1)
    earliest = _month_number(first)
    next_turn = earliest + (_month_number(rule.start_date) - earliest) % step
    for number in range(next_turn, _month_number(last) + 1, step):
        year, month = divmod(number, 12)
        day = _day_in_month(rule, year, month + 1)
        if day and first <= day <= last:
            yield day


def _month_number(day: date) -> int:
    return 12 * day.year + day.month - 1


def _day_in_month(rule: Rule, year: int, month: int) -> date | None:
    """The one date the rule names in a month of its turn, or None where that month lacks it."""
    if rule.nth:
        return _nth_weekday(rule.nth, _weekday_numbers(rule)[0], year, month)
    length = monthrange(year, month)[1]
    wanted = _wanted_day(rule)
    if wanted > length and rule.month_end == "skip":
        return None
    return date(year, month, min(wanted, length))


def _nth_weekday(nth: int, weekday: int, year: int, month: int) -> date:
    weekday_of_the_first, length = monthrange(year, month)
    earliest = 1 + (weekday - weekday_of_the_first) % 7
    if nth > 0:
        return date(year, month, earliest + 7 * (nth - 1))
    return date(year, month, earliest + (length - earliest) // 7 * 7)


def _wanted_day(rule: Rule) -> int:
    return rule.month_day or rule.start_date.day


def rrule(rule: Rule, count: int | None = None, until: str | None = None) -> str:
    """The rule as an RFC 5545 §3.3.10 RRULE value, for a DTSTART on any date the rule names.

    Parameters:
      count: how many dates the rule names in all.
      until: the UNTIL value, already formatted as a UTC date-time; `rule.end_date` alone, a local date,
        cannot be turned into one.

    Returns:
      The value without "RRULE:"; empty for a rule that names a single date.
    """
    if rule.recurrence == "once":
        return ""
    parts = [f"FREQ={rule.recurrence.upper()}"]
    if rule.interval > 1:
        parts.append(f"INTERVAL={rule.interval}")
    parts += _by_parts(rule)
    if count is not None:
        parts.append(f"COUNT={count}")
    if until is not None:
        parts.append(f"UNTIL={until}")
    return ";".join(parts)


def _by_parts(rule: Rule) -> list[str]:
    weekdays = ",".join(WEEKDAYS[number][:2].upper() for number in _weekday_numbers(rule))
    match rule.recurrence:
        case "daily":
            return [f"BYDAY={weekdays}"] if rule.weekdays else []
        case "weekly":
            return [f"BYDAY={weekdays}", "WKST=MO"]
        case "monthly" if rule.nth:
            return [f"BYDAY={rule.nth}{weekdays}"]
        case "monthly":
            return _month_day_parts(rule, shortest_month=28)
        case _:
            month = rule.start_date.month
            a_common_year = 2023
            return [f"BYMONTH={month}", *_month_day_parts(rule, monthrange(a_common_year, month)[1])]


def _month_day_parts(rule: Rule, shortest_month: int) -> list[str]:
    """A clamped day is the last one a month has of the days up to it: few calendars read RFC 7529's SKIP."""
    wanted = _wanted_day(rule)
    if wanted <= shortest_month or rule.month_end == "skip":
        return [f"BYMONTHDAY={wanted}"]
    candidates = ",".join(str(day) for day in range(shortest_month, wanted + 1))
    return [f"BYMONTHDAY={candidates}", "BYSETPOS=-1"]


#: The fields that each recurrence makes use of.
USED_FIELDS = {
    "once": set[str](),
    "daily": {"interval", "weekdays", "end_date", "count"},
    "weekly": {"interval", "weekdays", "end_date", "count"},
    "monthly": {"interval", "weekdays", "month_day", "nth", "month_end", "end_date", "count"},
    "yearly": {"interval", "month_end", "end_date", "count"},
}
OPTIONAL_FIELDS = set[str]().union(*USED_FIELDS.values())
_DEFAULTS = {field.name: field.default for field in fields(Rule) if field.default is not MISSING}


def check(rule: Rule, count: int | None = None) -> None:
    """Refuse a rule that cannot be meant. A rule that merely happens to name no date is accepted.

    Parameters:
      count: how many dates the rule is to name in all, where it ends by number rather than by date.

    Raises:
      RuleError: names the first offending field and the fix.
    """
    if rule.recurrence not in USED_FIELDS:
        raise RuleError("recurrence", f"{rule.recurrence!r} is unknown; use {', '.join(USED_FIELDS)}.")
    _check_unused_fields(rule, count)
    if rule.interval < 1:
        raise RuleError("interval", f"{rule.interval} is too small; use 1 or more.")
    _check_weekdays(rule)
    if rule.recurrence == "monthly":
        _check_day_of_month(rule)
    if rule.month_end not in ("clamp", "skip"):
        raise RuleError("month_end", f"{rule.month_end!r} is unknown; use clamp or skip.")
    _check_end(rule, count)


def _check_unused_fields(rule: Rule, count: int | None) -> None:
    given = asdict(rule) | {"count": count}
    for name, default in (_DEFAULTS | {"count": None}).items():
        if given[name] != default and name not in USED_FIELDS[rule.recurrence]:
            raise RuleError(name, f"Recurrence {rule.recurrence!r} does not use {name}; leave it out.")


def _check_weekdays(rule: Rule) -> None:
    for name in rule.weekdays:
        if name not in WEEKDAYS:
            raise RuleError("weekdays", f"{name!r} is unknown; use {', '.join(WEEKDAYS)}.")
        if rule.weekdays.count(name) > 1:
            raise RuleError("weekdays", f"{name!r} is repeated; name each weekday once.")


def _check_day_of_month(rule: Rule) -> None:
    if rule.nth is None and rule.weekdays:
        raise RuleError("weekdays", "A weekday needs its place: choose which in the month (nth), or drop the weekday.")
    if rule.month_day is not None and not 1 <= rule.month_day <= 31:
        raise RuleError("month_day", f"{rule.month_day} is no day of a month; use 1 to 31.")
    if rule.nth is None:
        return
    if rule.nth not in (1, 2, 3, 4, -1):
        raise RuleError("nth", f"{rule.nth} is out of range; use 1 to 4, or -1 for the last.")
    if rule.month_day is not None:
        raise RuleError("nth", _exclusive("Which in the month (nth)", "day of the month (month_day)"))
    if len(rule.weekdays) != 1:
        raise RuleError(
            "weekdays", f"Which in the month (nth) needs exactly one weekday, not {len(rule.weekdays)}; name one."
        )


def _check_end(rule: Rule, count: int | None) -> None:
    if rule.end_date is not None and rule.end_date < rule.start_date:
        raise RuleError("end_date", f"{rule.end_date} is before the start; use {rule.start_date} or later.")
    if count is None:
        return
    if count < 1:
        raise RuleError("count", f"{count} is too small; use 1 or more, or leave it out.")
    if rule.end_date is not None:
        raise RuleError("count", _exclusive("Number of dates (count)", "last date (end_date)"))


def _exclusive(one: str, other: str) -> str:
    return f"{one} and {other} exclude each other; leave one of them out."
