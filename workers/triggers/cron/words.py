"""Cron fields in plain English."""

from __future__ import annotations

import re
from calendar import day_name, month_name
from collections.abc import Sequence
from datetime import date, datetime

from apscheduler.triggers.cron.expressions import WEEKDAYS

from workers.triggers.cron.fields import CronFields
from workers.triggers.words import clock, listed, ordinal, spoken_numbers


def spoken_fields(fields: CronFields) -> str:
    times, dates = _times(fields), _dates(fields)
    if not dates and "every" not in times:
        dates = "every day"
    return ", ".join(filter(None, (times, dates)))


def _times(fields: CronFields) -> str:
    hours, minutes, seconds = fields.hours, fields.minutes, fields.seconds
    if len(minutes) == len(seconds) == 1 and not fields.follows_elapsed_time:
        clocks = [clock(datetime(2000, 1, 1, hour, minutes[0], seconds[0])) for hour in hours]
        if len(hours) <= 4:
            return f"at {listed(clocks)}"
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
    named = f"{unit}{'s' if len(values) > 1 else ''} {spoken_numbers(values)}"
    return f"{words}, in {named}" if words else f"at {named}"


def _dates(fields: CronFields) -> str:
    every_month = len(fields.months) == 12
    months = spoken_numbers(fields.months, lambda number: month_name[number])
    days, weekdays = _days(fields), _weekdays(fields)
    words = ""
    if fields.either_day:
        words = f"on the {days} of the month or every {weekdays or 'day'}"
    elif days:
        words = f"on the {days} of {'every month' if every_month else months}"
        words += f" when that is {weekdays}" if weekdays else ""
    elif weekdays:
        words = weekdays if " to " in weekdays else f"every {weekdays}"
    if not every_month and (fields.either_day or not days):
        words += f", in {months}"
    week, year = fields.text("week"), fields.text("year")
    words += "" if week == "*" else f", in ISO week {week}"
    words += "" if year == "*" else f", in {year}" if year.isdigit() else f", in years {year}"
    return words.removeprefix(", ")


def _weekdays(fields: CronFields) -> str:
    # 1 January 2001 was a Monday, 1 January 2000 the first day of a month of 31.
    numbers = [n for n in range(7) if fields.match("day_of_week", date(2001, 1, 1 + n))]
    return "" if len(numbers) == 7 else spoken_numbers(numbers, lambda number: day_name[number])


def _days(fields: CronFields) -> str:
    text = fields.text("day")
    if text == "*":
        return ""
    if re.search("[a-z]", text):
        return listed([_day_item(item) for item in text.split(",")])
    return spoken_numbers([n for n in range(1, 32) if fields.match("day", date(2000, 1, n))], ordinal)


def _day_item(item: str) -> str:
    if item == "last":
        return "last day"
    if " " in item:
        position, weekday = item.split()
        return f"{position} {day_name[WEEKDAYS.index(weekday)]}"
    return ordinal(int(item)) if item.isdigit() else f"days {item}"
