import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from tests.workers.triggers.moments import NOW, following, local, utc
from tests.workers.triggers.refusals import assert_refused
from workers.triggers import CronTrigger, DateTrigger, IntervalTrigger, TriggerError, ensure_fires, parse

CRON = {"type": "cron"}


@pytest.mark.parametrize("after", [datetime.min, datetime.max, datetime(9999, 12, 30), datetime(1969, 12, 31, 23)])
def test_the_ends_of_the_calendar_are_no_error(after):
    after = after.replace(tzinfo=UTC)
    for trigger in (
        CronTrigger(hour=5),
        CronTrigger(second="*"),
        IntervalTrigger(seconds=1, anchor=NOW),
        DateTrigger("2026-12-01"),
    ):
        fire = trigger.next_fire(after)
        assert fire is None or fire > after


def test_bounds_are_inclusive():
    trigger = CronTrigger(hour=5, start_date="2026-12-01T05:00", end_date=datetime(2026, 12, 3, 5))
    days = [local("Australia/Sydney", 2026, 12, day, 5) for day in (1, 2, 3)]
    assert list(trigger.fires(NOW, utc(2027, 1, 1))) == days
    assert trigger.next_fire(days[-1]) is None
    assert trigger.next_fire(NOW) == days[0]


def test_fires_include_both_ends_and_nothing_of_an_empty_range():
    trigger = CronTrigger(hour=5, timezone="UTC")
    first, last = utc(2026, 12, 1, 5), utc(2026, 12, 2, 5)
    assert list(trigger.fires(first, last)) == [first, last]
    assert list(trigger.fires(last, first)) == []
    assert list(trigger.fires(first + timedelta(microseconds=1), last)) == [last]


def test_fires_are_lazy():
    fires = CronTrigger(second="*").fires(NOW, datetime.max.replace(tzinfo=UTC))
    assert list(islice(fires, 2)) == [NOW, NOW + timedelta(seconds=1)]


def test_every_fire_is_in_utc():
    for trigger in (CronTrigger(hour=5), IntervalTrigger(days=1, start_date="2026-12-01"), DateTrigger("2026-12-01")):
        assert following(trigger, NOW.astimezone(ZoneInfo("Asia/Tokyo"))).tzinfo is UTC


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="aware"):
        CronTrigger(hour=5).next_fire(datetime(2026, 11, 23))


@pytest.mark.parametrize(
    ("options", "field_name", "words"),
    [
        ({"timezone": "Australia/Sidney"}, "timezone", "such as Australia/Sydney"),
        ({"timezone": "Australia"}, "timezone", "use an IANA name"),
        ({"timezone": ""}, "timezone", "use an IANA name"),
        ({"timezone": "../etc/passwd"}, "timezone", "use an IANA name"),
        ({"timezone": 11}, "timezone", "use an IANA name"),
        ({"jitter": -1}, "jitter", "whole number"),
        ({"jitter": 1.5}, "jitter", "whole number"),
        ({"jitter": False}, "jitter", "whole number"),
        ({"start_at": "soon"}, "start_at", "write 2026"),
        ({"end_at": "late"}, "end_at", "write 2026"),
        ({"start_at": "2026-12-02", "end_at": "2026-12-01"}, "end_at", "before start_at"),
    ],
    ids=str,
)
def test_bad_options_are_refused_with_field_and_fix(options, field_name, words):
    assert_refused({"type": "cron", "hour": 5}, field_name, words, **options)


@pytest.mark.parametrize(
    ("spec", "options", "field_name", "words"),
    [
        ({**CRON, "month": 2, "day": 30}, {}, "trigger.day", "no date matches month 2 and day 30"),
        ({**CRON, "month": 6, "week": 1}, {}, "trigger.week", "no date matches"),
        ({**CRON, "day": "1st mon", "day_of_week": "tue"}, {}, "trigger.day", "no date matches"),
        ({**CRON, "expression": "0 0 30 2 *"}, {}, "trigger.expression", "no date matches"),
        ({**CRON, "year": "2025"}, {}, "trigger.year", "2025 is over"),
        ({**CRON, "hour": 5}, {"end_at": "2026-11-24T04:00"}, "end_at", "by end_at"),
        ({"type": "interval", "hours": 1}, {"start_at": "2026-01-01", "end_at": "2026-02-01"}, "end_at", "by end_at"),
        ({"type": "date", "run_date": NOW.isoformat()}, {}, "trigger.run_date", "has passed"),
        ({"type": "date", "run_date": "2026-12-01"}, {"start_at": "2026-12-02"}, "start_at", "after run_date"),
        ({"type": "date", "run_date": "2026-12-01"}, {"end_at": "2026-11-30"}, "end_at", "by end_at"),
    ],
    ids=str,
)
def test_a_schedule_with_nothing_left_to_fire_is_refused_when_saved(spec, options, field_name, words):
    trigger = parse(spec, **options)
    with pytest.raises(TriggerError, match=re.escape(words)) as error:
        ensure_fires(trigger, NOW)
    assert error.value.field == field_name


def test_a_schedule_with_a_fire_left_may_be_saved():
    ensure_fires(CronTrigger(month=2, day=29), NOW)
    ensure_fires(DateTrigger(NOW + timedelta(seconds=1)), NOW)
