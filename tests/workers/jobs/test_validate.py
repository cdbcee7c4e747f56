"""What is checked of every job, whoever declares or enters it."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tests.workers.scheduled import FIVE, NEVER_AGAIN, NOW, later
from workers import jobs
from workers.jobs import job
from workers.models import ScheduledJob

pytestmark = pytest.mark.django_db


def cron_of(**given: Any) -> dict[str, Any]:
    return {"trigger": {"type": "cron", **given}}


def interval_of(**given: Any) -> dict[str, Any]:
    return {"trigger": {"type": "interval", **given}}


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "an actor not on the list": ({"actor": "os.system"}, "actor", "scheduled_job, work"),
    "an actor that is no job": ({"actor": "dispatch_due_jobs"}, "actor", "email_daily_digest"),
    "a missing argument": ({"actor": "needs_two", "kwargs": {"a": 1}}, "kwargs", "needs_two(a: int, b: int)"),
    "an unknown argument": ({"actor": "needs_two", "kwargs": {"c": 1}}, "kwargs", "needs_two(a: int, b: int)"),
    "too many arguments": ({"actor": "needs_two", "args": [1, 2, 3]}, "kwargs", "needs_two(a: int, b: int)"),
    "arguments that are no list": ({"args": {"a": 1}}, "args", '[1, "two"]'),
    "named arguments that are no object": ({"kwargs": [1]}, "kwargs", '{"days": 60}'),
    "an unknown type of trigger": ({"trigger": {"type": "lunar"}}, "trigger", "interval, cron or date"),
    "a trigger without a type": ({"trigger": {"hour": 5}}, "trigger", "interval, cron or date"),
    "a trigger that is no object": ({"trigger": "0 5 * * *"}, "trigger", '{"type": "cron", "hour": 5}'),
    "an unknown field": (cron_of(hours=5), "trigger", "year, month, day, week, day_of_week, hour"),
    "an empty cron": (cron_of(), "trigger", "hour: 5"),
    "an empty interval": (interval_of(), "trigger", "hours: 12"),
    "an interval of nothing": (interval_of(hours=0), "trigger", "hours: 12"),
    "a step of 0": (cron_of(minute="*/0"), "trigger", "a step is at least 1"),
    "minute 61": (cron_of(minute=61), "trigger", "from 0 to 59"),
    "a range upside down": (cron_of(hour="10-5"), "trigger", "from low to high"),
    "six fields": (cron_of(expression="0 0 5 * * *"), "trigger", "needs five"),
    "30 February": (cron_of(month=2, day=30), "trigger", "name one that exists"),
    "30 February as a crontab line": (cron_of(expression="0 5 30 2 *"), "trigger", "name one that exists"),
    "a year that is over": (cron_of(year=2025), "trigger", "give a later one"),
    "a date in the past": ({"trigger": NEVER_AGAIN}, "trigger", "give a time to come"),
    "a date that is none": ({"trigger": {"type": "date", "run_date": "soon"}}, "trigger", "2026-11-26T19:00"),
    "a date that is missing": ({"trigger": {"type": "date"}}, "trigger", "2026-11-26T19:00"),
    "an interval too fine": (interval_of(seconds=9), "trigger", "10 s is the least"),
    "a cron too fine": (cron_of(second="*/5"), "trigger", "10 s is the least"),
    "an unknown zone": ({"timezone": "Australia/Sidney"}, "timezone", "Australia/Sydney"),
    "no zone": ({"timezone": ""}, "timezone", "Australia/Sydney"),
    "an end before the start": ({"start_at": later(9), "end_at": later(8)}, "end_at", "give a later one"),
    "an end that leaves nothing": ({"end_at": later(1)}, "end_at", "give a later end_at"),
    "max_instances 0": ({"max_instances": 0}, "max_instances", "greater than or equal to 1"),
    "max_runs 0": ({"max_runs": 0}, "max_runs", "greater than or equal to 1"),
    "misfire_grace 0": ({"misfire_grace": 0}, "misfire_grace", "greater than or equal to 1"),
    "negative jitter": ({"jitter": -1}, "jitter", "a whole number from 0 up"),
    "an hour of jitter and more": ({"jitter": 3601}, "jitter", "less than or equal to 3600"),
    "an unknown policy": ({"catch_up": "never"}, "catch_up", "not a valid choice"),
    "an id that is no slug": ({"id": "a b"}, "id", "letters, numbers, underscores or hyphens"),
    "more than 64 KiB of arguments": ({"kwargs": {"a": "x" * 65_536}}, "kwargs", "65536 at most: pass an id"),
    "arguments in wide characters": ({"args": ["é" * 32_768]}, "kwargs", "65536 at most: pass an id"),
    "NaN": ({"args": [float("nan")]}, "kwargs", "JSON cannot hold"),
    "NUL": ({"args": ["a\0"]}, "kwargs", "JSON cannot hold"),
    "half a surrogate pair": ({"kwargs": {"a": "\ud800"}}, "kwargs", "JSON cannot hold"),
    "an object": ({"args": [NOW]}, "kwargs", "JSON cannot hold"),
}


@pytest.mark.parametrize(("wrong", "field", "fix"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_the_field_and_the_fix(
    wrong: dict[str, Any], field: str, fix: str, settings: Any
) -> None:
    def needs_two(a: int, b: int) -> None: ...

    settings.MIN_JOB_INTERVAL_SECONDS = 10
    job()(needs_two)
    good = {"id": "mine", "actor": "work", "trigger": FIVE}

    with pytest.raises(ValidationError) as refused:
        jobs.check(ScheduledJob(**{**good, **wrong}), NOW)

    assert set(refused.value.message_dict) == {field}
    assert fix in " ".join(refused.value.messages)


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        jobs.check(ScheduledJob(id="mine", actor="gone", args=7, trigger={}), NOW)

    assert set(refused.value.message_dict) == {"actor", "args", "trigger"}


@pytest.mark.parametrize(
    "good",
    [
        FIVE,
        {"type": "cron", "expression": "0 5 * * mon-fri"},
        {"type": "cron", "second": "*/15"},
        {"type": "interval", "seconds": 10},
        {"type": "date", "run_date": "2026-11-26T19:00"},
    ],
    ids=str,
)
def test_each_trigger_is_accepted_and_nothing_is_written(good: dict[str, Any]) -> None:
    jobs.check(ScheduledJob(id="mine", actor="work", trigger=good, args=["Zoë", "a\\u0000"]), NOW)

    assert not ScheduledJob.objects.exists()
