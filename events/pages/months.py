"""A month as a grid of weeks, Monday first. Pure date arithmetic."""

from __future__ import annotations

import re
from calendar import Calendar
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Month:
    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> Month | None:
        """The month written as 2026-11; None for anything else and for years that no calendar is asked for."""
        found = re.fullmatch(r"(19[7-9]\d|20\d\d)-(0[1-9]|1[0-2])", text, re.ASCII)
        return cls(int(found[1]), int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.year}-{self.number:02}"

    @property
    def first(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def next(self) -> Month:
        return Month.of(self.first + timedelta(31))

    @property
    def previous(self) -> Month:
        return Month.of(self.first - timedelta(1))

    @property
    def weeks(self) -> list[list[date | None]]:
        """Its dates by week; None where another month's would stand."""
        weeks = Calendar(firstweekday=0).monthdatescalendar(self.year, self.number)
        return [[day if day.month == self.number else None for day in week] for week in weeks]
