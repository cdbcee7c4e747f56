"""Recurrence rules in local dates: what they say, which dates they name, their RRULE text, what is refused. Pure."""

from events.recurrence.dates import (
    OPTIONAL_FIELDS,
    USED_FIELDS,
    WEEKDAYS,
    Rule,
    RuleError,
    check,
    dates,
    last_date,
    next_date,
    rrule,
)

__all__ = [
    "OPTIONAL_FIELDS",
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
