"""Which local dates a recurrence rule names: date arithmetic alone, without clocks, zones or a database.

Rules mean what RFC 5545 §3.3.10 says they mean, weeks starting on Monday. Months too short for the day
wanted follow RFC 7529 §4.1: "clamp" is its SKIP=BACKWARD, "skip" its SKIP=OMIT.

Two engines answer every repeating rule. Daily and weekly rules repeat one pattern of days, every seven
intervals or interval weeks; monthly and yearly rules name at most one date in each month that is their turn.
Both start counting at the window asked for, so an old rule costs no more than a young one.

All functions expect a rule that `check` accepts.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from itertools import islice

from events.recurrence.rule import Rule


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
        case "monthly" | "yearly":
            return _by_months(rule, first, last)
    raise ValueError(f"Nobody has said which dates the recurrence {rule.recurrence!r} names.")


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
    allowed = rule.weekday_numbers
    if rule.recurrence == "weekly":
        return start - weekday, allowed
    # Seven equal steps come back to the weekday they left, so they meet every weekday they ever will.
    steps = range(0, 7 * rule.interval, rule.interval)
    return start, [step for step in steps if (weekday + step) % 7 in allowed]


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
        return _nth_weekday(rule.nth, rule.weekday_numbers[0], year, month)
    length = monthrange(year, month)[1]
    wanted = rule.wanted_day
    if wanted > length and rule.month_end == "skip":
        return None
    return date(year, month, min(wanted, length))


def _nth_weekday(nth: int, weekday: int, year: int, month: int) -> date:
    weekday_of_the_first, length = monthrange(year, month)
    earliest = 1 + (weekday - weekday_of_the_first) % 7
    if nth > 0:
        return date(year, month, earliest + 7 * (nth - 1))
    return date(year, month, earliest + (length - earliest) // 7 * 7)
