"""Crontab lines, read into cron fields."""

from __future__ import annotations

from apscheduler.triggers.cron.expressions import WEEKDAYS

from workers.triggers.cron.fields import LONGEST_TEXT, NUMERIC_ITEM, CronFields, bad_field, numbered
from workers.triggers.values import TriggerError, quoted

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def read_crontab(expression: object) -> tuple[str, CronFields]:
    """A crontab line in one spelling, and the fields that it stands for.

    Raises TriggerError for "trigger.expression".
    """
    if not isinstance(expression, str) or len(expression) > LONGEST_TEXT:
        wrong = f"it is not a text of at most {LONGEST_TEXT} characters"
        raise TriggerError("trigger.expression", f'{wrong}; write "0 5 * * mon-fri"')
    expression = " ".join(expression.lower().split())
    values = ALIASES.get(expression, expression).split()
    if len(values) != 5:
        raise TriggerError(
            "trigger.expression",
            f"{quoted(expression)} has {len(values)} fields and needs five: minute hour day month weekday, as in"
            ' "0 5 * * mon-fri"; for seconds, weeks or years give cron fields',
        )
    try:
        return expression, _fields(*values)
    except TriggerError as error:
        raise TriggerError("trigger.expression", str(error)) from None


def _fields(minute: str, hour: str, day: str, month: str, weekday: str) -> CronFields:
    if not all(map(NUMERIC_ITEM.fullmatch, day.split(","))):
        raise bad_field("day", day)
    return CronFields(
        {"month": month, "day": day, "day_of_week": _day_of_week(weekday), "hour": hour, "minute": minute},
        either_day=not (day.startswith("*") or weekday.startswith("*")),
    )


def _day_of_week(text: str) -> str:
    """A crontab's weekdays (0 and 7 are Sunday) as APScheduler's (0 is Monday)."""
    days: set[int] = set()
    for item in numbered(text.replace("-sun", "-7"), (WEEKDAYS[-1], *WEEKDAYS[:-1]), first=0).split(","):
        match = NUMERIC_ITEM.fullmatch(item)
        if not match:
            raise _bad_weekday(text)
        _, low, _, high, _, step = match.groups()
        first = int(low or 0)
        last = int(high or (low if low and not step else 6))
        if not first <= last <= 7 or (step and not 1 <= int(step) <= 6):
            raise _bad_weekday(text)
        days |= {(number - 1) % 7 for number in range(first, last + 1, int(step or 1))}
    return ",".join(map(str, sorted(days)))


def _bad_weekday(text: str) -> TriggerError:
    return TriggerError(
        "trigger.day_of_week",
        f"{quoted(text)} is not valid for the weekday: 0 and 7 are Sunday, ranges run from low to high, and a step is"
        " 1 to 6; write 5, fri, mon-fri or 0,6",
    )
