"""Mistakes in the code's schedules, found by `manage.py check` and at each start rather than on a missed Sunday."""

from __future__ import annotations

import re
from typing import Any

from django.core import checks
from dramatiq import get_broker
from periodiq import CronSpec

from workers.triggers import CronTrigger, TriggerError

#: The fields of a spec in order: periodiq's name, a person's, the least and the greatest value.
FIELDS = (
    ("minute", "minute", 0, 59),
    ("hour", "hour", 0, 23),
    ("dom", "day of month", 1, 31),
    ("month", "month", 1, 12),
    ("dow", "day of week", 0, 7),
)


@checks.register
def periodiq_specs(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse a periodiq spec that periodiq 0.14 accepts and does not honour."""
    found: list[checks.CheckMessage] = []
    for name, actor in get_broker().actors.items():
        spec = actor.options.get("periodic")
        problem = _problem(spec) if spec else None
        if problem:
            wrong, fix = problem
            found.append(checks.Error(f'The periodiq spec "{spec}" of {name} {wrong}.', hint=fix, id="workers.E001"))
    return found


def _problem(spec: CronSpec) -> tuple[str, str] | None:
    """What is wrong with a spec, and the spelling that works."""
    text = str(spec).strip()
    fields = text.split()
    if not text.startswith("@") and len(fields) != 5:
        return "has not five fields", "Write minute, hour, day of month, month, day of week: 0 5 * * *"
    for name, spoken, least, greatest in FIELDS:
        outside = [value for value in getattr(spec, name) if not least <= value <= greatest]
        if outside:
            return f"names {spoken} {outside[0]}, which never comes", f"Take {least} to {greatest}."
    if 0 in spec.dow and 7 not in spec.dow:
        days = ",".join(str(day) for day in sorted(day or 7 for day in spec.dow))
        return "never fires on Sundays, which periodiq knows as 7 alone", f"Write the day of week as {days}."
    if step := re.search(r"(?<![-\d])(\d+)/\d+", text):
        return f"names {step[1]} alone, though it says {step[0]}", "Give a step a range: 1-59/2."
    try:
        CronTrigger.from_crontab(text)
    except TriggerError as error:
        return "is no line of a crontab", f"{error}."
    either = len(fields) == 5 and not (fields[2].startswith("*") or fields[4].startswith("*"))
    if either != _takes_either_day(spec):
        wrong = "gives both days, of month and of week, in a way that periodiq and crontab(5) read differently"
        return wrong, "Write * for one that means every day, and the days themselves in place of */n."
    return None


def _takes_either_day(spec: CronSpec) -> bool:
    """Whether periodiq takes a date that matches one of the two day fields, rather than both."""
    return bool(spec.is_dom_restricted and spec.is_dow_restricted)
