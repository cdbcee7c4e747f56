"""Recurrence rules in local dates: what they say, which dates they name, their RRULE text, what is refused. Pure."""

from events.recurrence.checks import RuleError, check
from events.recurrence.dates import dates, last_date, next_date
from events.recurrence.rrule import rrule
from events.recurrence.rule import OPTIONAL_FIELDS, UNITS, USED_FIELDS, WEEKDAYS, Rule

__all__ = [
    "OPTIONAL_FIELDS",
    "UNITS",
    "USED_FIELDS",
    "WEEKDAYS",
    "Rule",
    "RuleError",
    "check",
    "dates",
    "last_date",
    "next_date",
    "rrule",
]
