"""Values as people give them: numbers, zones and moments, checked, or refused with the field and the fix."""

from __future__ import annotations

import difflib
from contextlib import suppress
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from events.zones import zone_called
from workers.triggers.walls import localised

DEFAULT_TIMEZONE = "Australia/Sydney"

#: How a moment may be given; text is in ISO format.
Moment = datetime | date | str


class TriggerError(ValueError):
    """A trigger that cannot be accepted.

    Attributes:
        field: the offending field as the job's JSON names it: "trigger.hour", "timezone", "end_at".
    `str()` says what is wrong and what would be right.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def quoted(value: object) -> str:
    """The value as Python writes it, cut to 60 characters."""
    return f"{value!r:.60}"


def whole_number(value: object, field: str, example: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise TriggerError(field, f"{quoted(value)} is not a whole number from 0 up; write a number such as {example}")


def zone_of(timezone: tzinfo | str | None) -> ZoneInfo:
    """The zone that a job's `timezone` gives; None stands for DEFAULT_TIMEZONE."""
    if isinstance(timezone, ZoneInfo):
        return timezone
    name = "UTC" if timezone is UTC else DEFAULT_TIMEZONE if timezone is None else timezone
    if not isinstance(name, str):
        raise TriggerError("timezone", f"{quoted(name)} is no name; use an IANA name such as {DEFAULT_TIMEZONE}")
    zone = zone_called(name)
    if zone is None:
        near = difflib.get_close_matches(name, available_timezones(), n=1) or [DEFAULT_TIMEZONE]
        raise TriggerError("timezone", f"{quoted(name)} is no zone; use an IANA name such as {near[0]}")
    return zone


def zone_or_usual(name: object) -> ZoneInfo:
    """The zone called `name`, to read bare times in; DEFAULT_TIMEZONE where no zone is called so."""
    return (zone_called(name) if isinstance(name, str) else None) or ZoneInfo(DEFAULT_TIMEZONE)


def moment_of(value: object, field: str) -> datetime:
    """The moment as given, aware or a wall; a date alone is its midnight."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    wrong = "it is missing" if value is None else f"{quoted(value)} is not a date and time"
    raise TriggerError(field, f"{wrong}; write 2026-11-26T19:00 (the job's zone) or 2026-11-26T19:00+11:00")


def instant_of(value: object, zone: ZoneInfo, field: str) -> datetime:
    """The moment in UTC; one without an offset is a wall of `zone`."""
    moment = moment_of(value, field)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else localised(moment, zone)
    except OverflowError:
        raise TriggerError(field, f"{moment} is beyond the calendar; use the years 2 to 9998") from None


def in_utc(moment: datetime) -> datetime:
    """Raises ValueError for a moment without an offset: callers have to pass aware ones."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} is naive; pass an aware datetime")
    return moment.astimezone(UTC)
