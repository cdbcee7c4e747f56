import random
from datetime import timedelta
from itertools import islice

import pytest

from tests.workers.triggers.moments import NOW, utc
from tests.workers.triggers.refusals import assert_refused
from workers.triggers import CronTrigger

CRON = {"type": "cron"}


def random_crontab(rng):
    """Five fields of items (first, last, step); None as first is a star."""

    def items(low, high, chance):
        if rng.random() > chance:
            return [(None, None, rng.choice((1, 1, 2, 3)))]
        found = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            first = rng.randint(low, high)
            last = rng.choice((first, rng.randint(first, high)))
            found.append((first, last, rng.randint(1, last - first) if last > first else 1))
        return found

    limits = ((0, 59, 0.8), (0, 23, 0.6), (1, 31, 0.5), (1, 12, 0.3), (0, 7, 0.5))
    return [items(low, high, chance) for low, high, chance in limits]


def crontab_text(items):
    def text(first, last, step):
        head = "*" if first is None else str(first) if first == last else f"{first}-{last}"
        return head if step == 1 else f"{head}/{step}"

    return ",".join(text(*item) for item in items)


def crontab_allows(items, low, *values):
    return any(
        (value - (low if first is None else first)) % step == 0 and (first is None or first <= value <= last)
        for first, last, step in items
        for value in values
    )


def crontab_matches(fields, wall):
    minute, hour, day, month, weekday = fields
    sunday_is_0 = wall.isoweekday() % 7
    names_day = crontab_allows(day, 1, wall.day)
    # A star counts up from 0 to 6; only a number can be 7.
    starred = [item for item in weekday if item[0] is None]
    numbered = [item for item in weekday if item[0] is not None]
    names_weekday = crontab_allows(starred, 0, sunday_is_0) or crontab_allows(
        numbered, 0, sunday_is_0, *([7] if sunday_is_0 == 0 else [])
    )
    restricted = day[0][0] is not None and weekday[0][0] is not None
    return (
        crontab_allows(minute, 0, wall.minute)
        and crontab_allows(hour, 0, wall.hour)
        and crontab_allows(month, 1, wall.month)
        and ((names_day or names_weekday) if restricted else (names_day and names_weekday))
    )


def test_crontab_expressions_fire_at_exactly_the_minutes_that_brute_force_finds():
    rng = random.Random("crontab")
    first = utc(2026, 1, 28)
    minutes = [first + timedelta(minutes=n) for n in range(9 * 1440)]
    fired = 0
    for _ in range(60):
        fields = random_crontab(rng)
        expression = " ".join(map(crontab_text, fields))
        expected = [at for at in minutes if crontab_matches(fields, at)]
        assert list(CronTrigger.from_crontab(expression, "UTC").fires(first, minutes[-1])) == expected, expression
        fired += bool(expected)
    assert fired >= 30


@pytest.mark.parametrize("sunday", ["0", "7", "sun", "SUN", "0,7"])
def test_sunday_is_0_and_7_in_a_crontab(sunday):
    trigger = CronTrigger.from_crontab(f"0 9 * * {sunday}", "UTC")
    fires = list(islice(trigger.fires(NOW, utc(2027, 1, 1)), 2))
    assert fires == [utc(2026, 11, 29, 9), utc(2026, 12, 6, 9)]


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 * * fri-sun", [27, 28, 29]),
        ("0 0 * * 5-7", [27, 28, 29]),
        ("0 0 * * sun-tue", [23, 24, 29]),
        ("0 0 * * */3", [25, 28, 29]),
        ("0 0 24 * fri", [24, 27]),
        ("0 0 */2 * fri", [27]),
        ("0 0 23-29 * */3", [25, 28, 29]),
        ("0 0 * nov mon", [23]),
        ("0 0 * dec mon", []),
        ("@daily", [23, 24, 25, 26, 27, 28, 29]),
        ("@weekly", [29]),
    ],
)
def test_crontab_days(expression, days):
    fires = CronTrigger.from_crontab(expression, "UTC").fires(utc(2026, 11, 23), utc(2026, 11, 29, 23))
    assert [fire.day for fire in fires] == days


@pytest.mark.parametrize(
    ("spec", "field_name", "words"),
    [
        ({**CRON, "expression": "0 5 * * *", "hour": 5}, "trigger.expression", "not both"),
        ({**CRON, "expression": "0 0 5 * * *"}, "trigger.expression", "has 6 fields and needs five"),
        ({**CRON, "expression": ""}, "trigger.expression", "has 0 fields and needs five"),
        ({**CRON, "expression": "@reboot"}, "trigger.expression", "needs five"),
        ({**CRON, "expression": 5}, "trigger.expression", "not a text of at most 500 characters"),
        ({**CRON, "expression": "61 * * * *"}, "trigger.expression", "minute: numbers run from 0 to 59"),
        ({**CRON, "expression": "*/0 * * * *"}, "trigger.expression", "step is at least 1"),
        ({**CRON, "expression": "0 24 * * *"}, "trigger.expression", "hour: numbers run from 0 to 23"),
        ({**CRON, "expression": "0 10-5 * * *"}, "trigger.expression", "from low to high"),
        ({**CRON, "expression": "0 5 last * *"}, "trigger.expression", "day"),
        ({**CRON, "expression": "0 5 * * 8"}, "trigger.expression", "0 and 7 are Sunday"),
        ({**CRON, "expression": "0 5 * * fri-mon"}, "trigger.expression", "from low to high"),
        ({**CRON, "expression": "0 5 * * */0"}, "trigger.expression", "a step is 1 to 6"),
        ({**CRON, "expression": "0 5 * * ?"}, "trigger.expression", "0 and 7 are Sunday"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_expression_is_refused_with_the_fix(spec, field_name, words):
    assert_refused(spec, field_name, words)
