"""A recurrence rule in local dates, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: The kinds of recurrence, each with the fields that it makes use of. A new one also needs its dates (`dates`), its
#: text for calendar programs (`rrule`), and a migration.
USED_FIELDS = {
    "once": set[str](),
    "daily": {"interval", "weekdays", "end_date", "count"},
    "weekly": {"interval", "weekdays", "end_date", "count"},
    "monthly": {"interval", "weekdays", "month_day", "nth", "month_end", "end_date", "count"},
    "yearly": {"interval", "month_end", "end_date", "count"},
}
#: The fields that some recurrence makes no use of.
OPTIONAL_FIELDS = set[str]().union(*USED_FIELDS.values())

#: What `interval` counts, in words.
UNITS = {"daily": "days", "weekly": "weeks", "monthly": "months", "yearly": "years"}


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

    @property
    def weekday_numbers(self) -> list[int]:
        """The weekdays the rule allows, ascending, Monday being 0."""
        if self.weekdays:
            return [number for number, name in enumerate(WEEKDAYS) if name in self.weekdays]
        if self.recurrence == "weekly":
            return [self.start_date.weekday()]
        return list(range(7))

    def begun_on(self, day: date) -> Rule | None:
        """The rule that goes on from `day`, one of its dates: what it took from its start date is said in its fields.

        None when no field can say it.
        """
        if self.recurrence == "yearly" and day.day != self.start_date.day:
            return None
        weekdays, month_day = self.weekdays, self.month_day
        if self.recurrence == "weekly":
            weekdays = weekdays or (WEEKDAYS[self.start_date.weekday()],)
        if self.recurrence == "monthly" and not self.nth:
            month_day = self.wanted_day
        return replace(self, start_date=day, weekdays=weekdays, month_day=month_day)

    @property
    def wanted_day(self) -> int:
        """The day of the month the rule asks for, whether or not a month has it."""
        return self.month_day or self.start_date.day
