from datetime import datetime, timedelta

import pytest

from tests.workers.triggers.moments import NOW, following, local, utc
from tests.workers.triggers.refusals import assert_refused
from workers.triggers import IntervalTrigger, TriggerError, parse


def test_the_sample_interval_runs_every_twelve_hours():
    trigger = IntervalTrigger(hours=12, anchor=NOW)
    assert list(trigger.fires(NOW, NOW + timedelta(days=1))) == [NOW + timedelta(hours=12), NOW + timedelta(hours=24)]
    assert trigger.to_json() == {"type": "interval", "hours": 12}


def test_an_interval_counts_elapsed_time_across_daylight_saving():
    trigger = IntervalTrigger(days=1, start_date=datetime(2026, 10, 3, 12))
    fires = list(trigger.fires(utc(2026, 10, 1), utc(2026, 10, 5)))
    assert fires == [utc(2026, 10, 3, 2), utc(2026, 10, 4, 2)]
    assert fires[1] == local("Australia/Sydney", 2026, 10, 4, 13)


def test_a_start_date_is_the_first_fire_and_the_creation_is_not():
    started, created = IntervalTrigger(minutes=5, start_date=NOW), IntervalTrigger(minutes=5, anchor=NOW)
    window = NOW - timedelta(minutes=20), NOW + timedelta(minutes=5)
    assert list(started.fires(*window)) == [NOW, NOW + timedelta(minutes=5)]
    assert list(created.fires(*window)) == [NOW + timedelta(minutes=5)]


def test_a_start_date_outranks_the_creation():
    start = NOW + timedelta(hours=1)
    trigger = parse({"type": "interval", "hours": 2}, anchor=NOW, start_at=start)
    assert trigger.next_fire(NOW) == start
    assert trigger.next_fire(start) == start + timedelta(hours=2)


def test_an_old_anchor_is_kept_and_costs_nothing():
    trigger = IntervalTrigger(seconds=7, start_date=utc(1990, 1, 1))
    fire = following(trigger, NOW)
    assert NOW < fire <= NOW + timedelta(seconds=7)
    assert (fire - utc(1990, 1, 1)) % timedelta(seconds=7) == timedelta()


def test_units_of_an_interval_add_up():
    trigger = IntervalTrigger(weeks=1, days=2, hours=3, minutes=4, seconds=5, anchor=NOW)
    assert trigger.next_fire(NOW) == NOW + timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)


def test_a_creation_within_a_second_is_taken_to_the_second():
    trigger = IntervalTrigger(seconds=10, anchor=NOW.replace(microsecond=700_000))
    assert trigger.next_fire(NOW) == NOW + timedelta(seconds=10)


def test_an_interval_without_anchor_says_so_when_asked():
    with pytest.raises(TriggerError, match="start_date or anchor"):
        IntervalTrigger(hours=12).next_fire(NOW)


def test_an_interval_ends_with_its_end():
    trigger = IntervalTrigger(hours=1, start_date=NOW, end_date=NOW + timedelta(hours=2))
    assert [fire - NOW for fire in trigger.fires(NOW, utc(2030, 1, 1))] == [timedelta(hours=n) for n in range(3)]
    assert trigger.next_fire(NOW + timedelta(hours=2)) is None


def test_the_smallest_gap_of_an_interval_is_its_length():
    assert IntervalTrigger(minutes=1, seconds=30).smallest_gap() == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"type": "interval", "hours": 12}, "every 12 hours"),
        ({"type": "interval", "days": 1}, "every day"),
        ({"type": "interval", "hours": 1, "minutes": 30}, "every 1 hour and 30 minutes"),
    ],
    ids=str,
)
def test_an_interval_describes_itself(spec, sentence):
    assert parse(spec).describe() == sentence


@pytest.mark.parametrize(
    ("spec", "field_name", "words"),
    [
        ({"type": "interval"}, "trigger", "above 0"),
        ({"type": "interval", "hours": 0}, "trigger", "above 0"),
        ({"type": "interval", "hours": "12"}, "trigger.hours", "whole number"),
        ({"type": "interval", "hours": 1.5}, "trigger.hours", "whole number"),
        ({"type": "interval", "hours": True}, "trigger.hours", "whole number"),
        ({"type": "interval", "hours": -1, "days": 1}, "trigger.hours", "whole number"),
        ({"type": "interval", "weeks": 10**12}, "trigger.weeks", "too long"),
        ({"type": "interval", "years": 1}, "trigger.years", "weeks, days, hours, minutes, seconds"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_interval_is_refused_with_field_and_fix(spec, field_name, words):
    assert_refused(spec, field_name, words)
