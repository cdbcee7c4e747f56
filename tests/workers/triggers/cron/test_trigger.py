import random
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.workers.triggers.cron.oracle import WEEKS, Spec, random_spec, seconds_of
from tests.workers.triggers.moments import NOW, local, utc
from workers.triggers import CronTrigger, TriggerError, ensure_fires

SPECS_A_WEEK = 40


@pytest.mark.parametrize("week", WEEKS, ids=str)
def test_the_weeks_contain_the_edges_they_are_chosen_for(week):
    zone = ZoneInfo(week.zone)
    shifted = week.last.astimezone(zone).utcoffset() - week.first.astimezone(zone).utcoffset()
    assert shifted == timedelta(seconds=week.seconds_shifted)


@pytest.mark.parametrize("week", WEEKS, ids=str)
def test_cron_fires_at_exactly_the_seconds_that_brute_force_finds(week):
    rng = random.Random(str(week))
    fired = 0
    for _ in range(SPECS_A_WEEK):
        spec = random_spec(rng, week)
        expected = spec.expected(week)
        trigger = CronTrigger(**spec.kwargs(), timezone=week.zone)
        assert seconds_of(trigger.fires(week.first, week.last)) == expected, spec.kwargs()
        check_next_fire(trigger, expected, week, rng, spec)
        fired += bool(expected)
    assert fired >= SPECS_A_WEEK / 2, "too few specs fire in this week to prove anything"


def check_next_fire(trigger, expected, week, rng, spec):
    chain, after = [], week.first - timedelta(seconds=1)
    for _ in expected[:15]:
        after = trigger.next_fire(after)
        chain.append(after)
    assert seconds_of(chain) == expected[:15], spec.kwargs()
    for second in rng.sample(expected[1:], k=min(3, len(expected[1:]))):
        before = datetime.fromtimestamp(second - rng.random(), UTC)
        earlier = [at for at in expected if before.timestamp() < at <= second]
        assert seconds_of([trigger.next_fire(before)]) == earlier[:1], spec.kwargs()


@pytest.mark.parametrize("week", WEEKS, ids=str)
@pytest.mark.parametrize(
    "items",
    [
        {"hour": [("range", 0, 23, 1)], "minute": [("every", 1)]},
        {"hour": [("every", 1)], "minute": [("every", 1)]},
        {"second": [("every", 10)]},
        {"hour": [("range", 0, 3, 1)], "minute": [("every", 15)], "second": [("every", 20)]},
        {"hour": [("every", 2)]},
        {"hour": [("range", 0, 0, 1), ("range", 23, 23, 1)], "minute": [("range", 0, 30, 15)]},
    ],
    ids=lambda items: str(Spec(items).kwargs()),
)
def test_dense_schedules_over_an_edge_agree_with_brute_force(week, items):
    spec = Spec(items)
    trigger = CronTrigger(**spec.kwargs(), timezone=week.zone)
    assert seconds_of(trigger.fires(week.first, week.last)) == spec.expected(week)


def test_the_sample_that_generates_sessions_runs_at_five_in_sydney():
    trigger = CronTrigger(hour=5)
    assert trigger.next_fire(NOW) == local("Australia/Sydney", 2026, 11, 24, 5)
    assert trigger.to_json() == {"type": "cron", "hour": 5}


def test_the_sample_cron_for_2025_can_never_fire_again():
    trigger = CronTrigger(year="2025", month="1-12", day="*/5", hour="0-23", minute="0-59", second="0-59")
    assert trigger.next_fire(NOW) is None
    assert trigger.next_fire(utc(2025, 6, 2)) == local("Australia/Sydney", 2025, 6, 6)
    with pytest.raises(TriggerError, match="2025 is over") as error:
        ensure_fires(trigger, NOW)
    assert error.value.field == "trigger.year"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"month": 2, "day": 29}, utc(2028, 2, 29)),
        ({"month": 2, "day": "5th mon"}, utc(2044, 2, 29)),
        ({"month": 2, "day": 29, "day_of_week": "fri"}, utc(2036, 2, 29)),
        ({"year": "9998", "second": 59}, utc(9998, 1, 1, 0, 0, 59)),
        ({"year": "*/1000"}, utc(2970, 1, 1)),
        ({"month": 6, "week": 1}, None),
        ({"year": "*/2", "month": 6, "week": 1}, None),
        ({"month": 2, "day": 30}, None),
    ],
    ids=str,
)
def test_sparse_and_impossible_schedules_answer_at_once(fields, expected):
    started = time.process_time()
    assert CronTrigger(**fields, timezone="UTC").next_fire(NOW) == expected
    assert time.process_time() - started < 2


def test_leap_day_of_a_century_without_one_is_passed_over():
    trigger = CronTrigger(month=2, day=29, timezone="UTC")
    assert trigger.next_fire(utc(2096, 3, 1)) == utc(2104, 2, 29)


@pytest.mark.parametrize(
    ("fields", "gap"),
    [
        ({"second": "*"}, timedelta(seconds=1)),
        ({"second": "*/15"}, timedelta(seconds=15)),
        ({"second": "0,55"}, timedelta(seconds=5)),
        ({"hour": 5, "minute": "0,1", "second": "0,55"}, timedelta(seconds=5)),
        ({"minute": "*/7"}, timedelta(minutes=4)),
        ({"hour": 5}, timedelta(days=1)),
        ({"hour": "0,23", "minute": "0,59", "second": "0,58"}, timedelta(seconds=2)),
        ({"day_of_week": "mon,fri", "hour": "0,23"}, timedelta(hours=23)),
        ({"day": 1}, timedelta(days=28)),
        ({"month": 2, "day": 29}, timedelta(days=1461)),
        ({"year": 2099}, None),
    ],
    ids=str,
)
def test_the_smallest_gap_of_a_cron_trigger(fields, gap):
    assert CronTrigger(**fields).smallest_gap() == gap
