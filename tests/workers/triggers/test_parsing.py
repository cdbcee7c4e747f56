from datetime import timedelta
from inspect import signature
from zoneinfo import ZoneInfo

import pytest

from tests.workers.triggers.moments import NOW, utc
from tests.workers.triggers.refusals import assert_refused
from workers.triggers import TRIGGER_TYPES, parse

CRON = {"type": "cron"}


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "interval", "weeks": 1, "seconds": 30},
        {"type": "cron", "month": "1-12", "day": "2nd fri,last", "hour": 5, "minute": "*/15"},
        {"type": "cron", "expression": "0 5 * * mon-fri"},
        {"type": "date", "run_date": "2026-11-26T19:00:00"},
        {"type": "date", "run_date": "2026-11-26T19:00:00+11:00"},
    ],
    ids=str,
)
def test_a_trigger_survives_the_way_through_json(spec):
    once = parse(spec, anchor=NOW)
    assert once.to_json() == spec
    again = parse(once.to_json(), anchor=NOW)
    until = NOW + timedelta(days=40)
    assert list(again.fires(NOW, until)) == list(once.fires(NOW, until)) != []


def test_text_is_stored_in_one_spelling_and_null_is_not_given():
    trigger = parse({"type": "cron", "day": " 2nd  FRI , last", "hour": 5, "minute": None})
    assert trigger.to_json() == {"type": "cron", "day": "2nd fri , last", "hour": 5}
    assert parse({"type": "interval", "hours": 12, "days": None}).to_json() == {"type": "interval", "hours": 12}


def test_parse_passes_zone_bounds_and_jitter_on():
    trigger = parse(
        {"type": "cron", "hour": 5},
        timezone="America/New_York",
        start_at="2026-12-01",
        end_at=utc(2027, 1, 1),
        jitter=30,
    )
    assert trigger.timezone == ZoneInfo("America/New_York")
    assert (trigger.start_at, trigger.end_at, trigger.jitter) == (utc(2026, 12, 1, 5), utc(2027, 1, 1), 30)
    assert trigger.next_fire(NOW) == utc(2026, 12, 1, 10)


@pytest.mark.parametrize(
    ("spec", "field_name", "words"),
    [
        (None, "trigger", "not an object"),
        ({}, "trigger.type", "missing; use interval, cron or date"),
        ({"type": "hourly"}, "trigger.type", "use interval, cron or date"),
        ({"type": ["cron"]}, "trigger.type", "use interval, cron or date"),
        (CRON, "trigger", "needs one of year, month"),
        ({**CRON, "hour": None}, "trigger", "needs one of"),
        (
            {**CRON, "hours": 5},
            "trigger.hours",
            "year, month, day, week, day_of_week, hour, minute, second, expression",
        ),
        ({**CRON, "hour": 5, "queue": "x"}, "trigger.queue", "no field of cron triggers"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_bad_input_is_refused_with_field_and_fix(spec, field_name, words):
    assert_refused(spec, field_name, words)


def test_every_type_is_made_of_the_fields_that_it_names():
    for trigger_type in TRIGGER_TYPES.values():
        assert {*trigger_type.field_names} <= signature(trigger_type).parameters.keys()
