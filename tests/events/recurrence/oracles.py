"""Two oracles of a rule's dates that share none of its code: a look at every day, and python-dateutil."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from dateutil import rrule as dateutil_rrule

from events.recurrence import Rule

DAY = timedelta(days=1)


# The first oracle: does this rule name this day?


def names(rule: Rule, day: date) -> bool:
    if day < rule.start_date or (rule.end_date is not None and day > rule.end_date):
        return False
    in_turn: dict[str, Callable[[Rule, date], bool]] = {
        "once": names_once,
        "daily": names_daily,
        "weekly": names_weekly,
        "monthly": names_monthly,
        "yearly": names_yearly,
    }
    return in_turn[rule.recurrence](rule, day)


def names_once(rule: Rule, day: date) -> bool:
    return day == rule.start_date


def names_daily(rule: Rule, day: date) -> bool:
    in_turn = (day - rule.start_date).days % rule.interval == 0
    return in_turn and (not rule.weekdays or weekday_name(day) in rule.weekdays)


def names_weekly(rule: Rule, day: date) -> bool:
    weeks_apart = (monday_of(day) - monday_of(rule.start_date)).days // 7
    return weeks_apart % rule.interval == 0 and (
        weekday_name(day) in (rule.weekdays or (weekday_name(rule.start_date),))
    )


def names_monthly(rule: Rule, day: date) -> bool:
    start = rule.start_date
    months_apart = (day.year - start.year) * 12 + day.month - start.month
    if months_apart % rule.interval:
        return False
    if rule.nth is None:
        return is_day_of_month(day, rule.month_day or start.day, rule.month_end)
    if weekday_name(day) not in rule.weekdays:
        return False
    if rule.nth == -1:
        return (day + 7 * DAY).month != day.month
    return 7 * (rule.nth - 1) < day.day <= 7 * rule.nth


def names_yearly(rule: Rule, day: date) -> bool:
    start = rule.start_date
    in_turn = (day.year - start.year) % rule.interval == 0 and day.month == start.month
    return in_turn and is_day_of_month(day, start.day, rule.month_end)


def is_day_of_month(day: date, wanted: int, month_end: str) -> bool:
    stands_in = month_end == "clamp" and day.day < wanted and (day + DAY).day == 1
    return day.day == wanted or stands_in


def weekday_name(day: date) -> str:
    return ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][day.isoweekday() - 1]


def monday_of(day: date) -> date:
    return day - (day.isoweekday() - 1) * DAY


def each_day(first: date, last: date) -> Iterator[date]:
    return (first + n * DAY for n in range((last - first).days + 1))


def brute_force(rule: Rule, first: date, last: date) -> list[date]:
    return [day for day in each_day(first, last) if names(rule, day)]


# The second oracle: python-dateutil, told in its own words. A clamped day is the earlier of the day and the
# month's last, where the code under test writes the last of several candidates.


def dateutil_says(rule: Rule, first: date, last: date) -> list[date]:
    arguments: dict[str, Any] = {"interval": rule.interval, "wkst": dateutil_rrule.MO}
    days = [getattr(dateutil_rrule, name[:2].upper()) for name in rule.weekdays]
    if rule.nth is not None:
        arguments["byweekday"] = days[0](rule.nth)
    elif days:
        arguments["byweekday"] = days
    wanted = rule.month_day or rule.start_date.day
    if rule.recurrence in ("monthly", "yearly") and rule.nth is None:
        arguments["bymonthday"] = wanted
        if wanted > 28 and rule.month_end == "clamp":
            arguments |= {"bymonthday": (wanted, -1), "bysetpos": 1}
    if rule.recurrence == "yearly":
        arguments["bymonth"] = rule.start_date.month
    frequency = getattr(dateutil_rrule, rule.recurrence.upper())
    theirs = dateutil_rrule.rrule(frequency, dtstart=midnight(rule.start_date), **arguments)
    return [day for day in between(theirs, first, last) if rule.end_date is None or day <= rule.end_date]


def between(recurrence: dateutil_rrule.rrule, first: date, last: date) -> list[date]:
    return [moment.date() for moment in recurrence.between(midnight(first), midnight(last), inc=True)]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def goes_on_after(rule: Rule, day: date) -> bool:
    """Whether another date comes soon. Without one, dateutil searches every year up to 9999."""
    return any(names(rule, later) for later in each_day(day + DAY, day + 4000 * DAY))


def days(text: str) -> list[date]:
    return [date.fromisoformat(word) for word in text.split()]
