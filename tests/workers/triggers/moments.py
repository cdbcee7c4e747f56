"""Moments of the tests of triggers."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts).replace(tzinfo=UTC)


def local(zone, *parts):
    return datetime(*parts).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def following(trigger, after):
    fire = trigger.next_fire(after)
    assert fire is not None
    return fire
