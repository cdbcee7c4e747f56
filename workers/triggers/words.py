"""Times, dates and lists in plain English."""

from __future__ import annotations

from calendar import month_name
from collections.abc import Callable, Sequence
from datetime import date, datetime


def clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def spoken_date(day: date) -> str:
    return f"{day.day} {month_name[day.month]} {day.year}"


def listed(words: Sequence[str], last: str = "and") -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]


def ordinal(number: int) -> str:
    ending = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def spoken_numbers(values: Sequence[int], word: Callable[[int], str] = str) -> str:
    """Three or more in a row as "a to b", others one by one."""
    if len(values) > 2 and values[-1] - values[0] == len(values) - 1:
        return f"{word(values[0])} to {word(values[-1])}"
    return listed([word(value) for value in values])
