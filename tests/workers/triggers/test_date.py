from datetime import date, datetime

import pytest

from tests.workers.triggers.moments import NOW, following, local, utc
from tests.workers.triggers.refusals import assert_refused
from workers.triggers import DateTrigger, TriggerError, ensure_fires, parse


def test_the_sample_date_runs_once_tomorrow_at_noon():
    tomorrow_noon = datetime(2026, 11, 24, 12)
    trigger = DateTrigger(run_date=tomorrow_noon)
    fire = local("Australia/Sydney", 2026, 11, 24, 12)
    assert trigger.next_fire(NOW) == fire
    assert trigger.next_fire(fire) is None
    assert trigger.to_json() == {"type": "date", "run_date": "2026-11-24T12:00:00"}


def test_a_date_with_an_offset_is_that_instant():
    trigger = DateTrigger("2026-11-26T19:00:00+01:00")
    assert trigger.next_fire(NOW) == utc(2026, 11, 26, 18)
    assert trigger.describe() == "once, on 27 November 2026 at 05:00"
    assert trigger.to_json() == {"type": "date", "run_date": "2026-11-26T19:00:00+01:00"}


def test_a_date_without_an_offset_is_wall_time_of_the_zone():
    trigger = DateTrigger("2026-11-26 19:00", timezone="America/New_York")
    assert trigger.next_fire(NOW) == utc(2026, 11, 27)


def test_a_date_in_a_gap_is_shifted_and_in_a_fold_the_first():
    gap, fold = DateTrigger("2026-10-04T02:30"), DateTrigger(datetime(2026, 4, 5, 2, 30, fold=1))
    early = utc(2026, 1, 1)
    assert gap.next_fire(early) == utc(2026, 10, 3, 16, 30)
    assert gap.note(following(gap, early)) == "02:30 does not exist on 4 October 2026; runs at 03:30"
    assert fold.next_fire(early) == utc(2026, 4, 4, 15, 30)
    assert fold.note(following(fold, early)) == "02:30 happens twice; the first is taken"
    assert DateTrigger("2026-04-05T02:30+10:00").note(utc(2026, 4, 4, 16, 30)) is None


def test_a_date_alone_is_its_midnight():
    assert DateTrigger(date(2026, 12, 1), "UTC").next_fire(NOW) == utc(2026, 12, 1)


def test_a_date_that_has_passed_is_finished_until_it_is_to_be_saved():
    trigger = parse({"type": "date", "run_date": "2026-11-01T12:00"})
    assert trigger.next_fire(NOW) is None
    with pytest.raises(TriggerError, match="has passed"):
        ensure_fires(trigger, NOW)


def test_a_date_has_no_smallest_gap():
    assert DateTrigger("2026-12-01").smallest_gap() is None


def test_a_date_describes_itself():
    assert parse({"type": "date", "run_date": "2026-11-26T19:00"}).describe() == "once, on 26 November 2026 at 19:00"


@pytest.mark.parametrize(
    ("spec", "field_name", "words"),
    [
        ({"type": "date"}, "trigger.run_date", "missing; write 2026"),
        ({"type": "date", "run_date": "tomorrow"}, "trigger.run_date", "write 2026"),
        ({"type": "date", "run_date": 1790000000}, "trigger.run_date", "write 2026"),
        ({"type": "date", "run_date": "2026-02-30"}, "trigger.run_date", "write 2026"),
        ({"type": "date", "run_date": "0001-01-01T00:00:00+14:00"}, "trigger.run_date", "beyond the calendar"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_date_is_refused_with_field_and_fix(spec, field_name, words):
    assert_refused(spec, field_name, words)
