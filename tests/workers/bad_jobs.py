"""What nobody may save as a job, however they try: what is sent, the field that is named, a word of the fix."""

from __future__ import annotations

from typing import Any

GOOD: dict[str, Any] = {"id": "a-job", "actor": "scheduled_job", "trigger": {"type": "cron", "hour": 5}}


def cron(**fields: Any) -> dict[str, Any]:
    return {"trigger": {"type": "cron", **fields}}


#: Name of the case → (what differs from GOOD, the field of the error, what its text must hold).
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "an actor that is not on the list": ({"actor": "os.system"}, "actor", "scheduled_job"),
    "too many arguments": ({"args": [1]}, "kwargs", "scheduled_job()"),
    "an argument it does not know": ({"kwargs": {"nope": 1}}, "kwargs", "scheduled_job()"),
    "a caller's own dramatiq option": ({"kwargs": {"queue_name": "clock"}}, "kwargs", "scheduled_job()"),
    "arguments that are no list": ({"args": {"a": 1}}, "args", "[1,"),
    "named arguments that are no object": ({"kwargs": [1]}, "kwargs", '{"days": 60}'),
    "more than 64 KiB of arguments": ({"args": ["x" * 65_536]}, "kwargs", "65536 at most"),
    "an unknown type of trigger": ({"trigger": {"type": "moon"}}, "trigger", "interval, cron or date"),
    "an unknown field of a trigger": (cron(hours=5), "trigger", "day_of_week"),
    "a trigger without a field": (cron(), "trigger", "needs one of"),
    "an interval of nothing": ({"trigger": {"type": "interval", "hours": 0}}, "trigger", "above 0"),
    "a step of nothing": (cron(minute="*/0"), "trigger", "0 to 59"),
    "minute 61": (cron(minute="61"), "trigger", "0 to 59"),
    "hour 24": (cron(hour="24"), "trigger", "0 to 23"),
    "a range that runs backwards": (cron(minute="10-5"), "trigger", "from low to high"),
    "six fields of a crontab": (cron(expression="0 0 5 * * *"), "trigger", "needs five"),
    "30 February": (cron(month="2", day="30"), "trigger", "no date matches"),
    "a year that has passed": (cron(year="2020"), "trigger", "never fire"),
    "a date in the past": ({"trigger": {"type": "date", "run_date": "2020-01-01 19:00"}}, "trigger", "has passed"),
    "an interval finer than the least": (
        {"trigger": {"type": "interval", "seconds": 9}},
        "trigger",
        "10 s is the least",
    ),
    "a cron finer than the least": (cron(second="*/5"), "trigger", "10 s is the least"),
    "an unknown zone": ({"timezone": "Australia/Sydny"}, "timezone", "Australia/Sydney"),
    "no place to run": ({"max_instances": 0}, "max_instances", "greater than or equal to 1"),
    "no run at all": ({"max_runs": 0}, "max_runs", "greater than or equal to 1"),
    "a jitter of days": ({"jitter": 86_400}, "jitter", "less than or equal to 3600"),
    "an unknown policy": ({"catch_up": "never"}, "catch_up", "never"),
    "an id that is no slug": ({"id": "a job"}, "id", "slug"),
    "an end before the start": (
        {"start_at": "2030-01-02T00:00:00Z", "end_at": "2030-01-01T00:00:00Z"},
        "end_at",
        "give a later one",
    ),
}
