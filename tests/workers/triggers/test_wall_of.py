"""The wall that a fire stands for, and the way back, at both edges of daylight saving."""

from datetime import datetime, timedelta
from itertools import islice

import pytest

from tests.workers.triggers.moments import following, utc
from workers.triggers import CronTrigger, DateTrigger, IntervalTrigger

#: A zone, the day its clocks go forward and the day they go back, and a moment before each.
EDGES = [
    ("Australia/Sydney", "2026-10-04", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04", "2026-04-05"),
    ("America/New_York", "2026-03-08", "2026-11-01"),
    ("Europe/Dublin", "2026-03-29", "2026-10-25"),
    ("Asia/Beirut", "2026-03-29", "2026-10-25"),
    ("Pacific/Apia", "2026-06-01", "2026-06-02"),
]


@pytest.mark.parametrize(("zone", "gap", "fold"), EDGES, ids=lambda value: str(value))
@pytest.mark.parametrize("hours", ["0", "1", "2", "3", "5", "23", "0,1,2,3"])
@pytest.mark.parametrize("minutes", ["0", "15", "30,45"])
def test_every_wall_is_that_of_its_fire_and_leads_back_to_it(
    zone: str, gap: str, fold: str, hours: str, minutes: str
) -> None:
    trigger = CronTrigger(hour=hours, minute=minutes, timezone=zone)
    for day in (gap, fold):
        start = datetime.fromisoformat(f"{day}T00:00Z") - timedelta(days=2)
        fires = list(trigger.fires(start, start + timedelta(days=4)))
        walls = [trigger.wall_of(fire) for fire in fires]

        assert None not in walls
        assert [trigger.instant_at(wall) for wall in walls if wall] == fires
        named = {(wall.hour, wall.minute) for wall in walls if wall}
        assert named == {(int(hour), int(minute)) for hour in hours.split(",") for minute in minutes.split(",")}


def test_a_fire_that_a_gap_has_shifted_stands_for_the_time_that_was_named() -> None:
    sydney = CronTrigger(hour=2, minute=30)
    nuuk = CronTrigger(hour=23, minute=10, timezone="America/Nuuk")

    assert sydney.wall_of(utc(2026, 10, 3, 16, 30)) == datetime(2026, 10, 4, 2, 30)
    assert nuuk.wall_of(utc(2026, 3, 29, 1, 10)) == datetime(2026, 3, 28, 23, 10)


def test_of_two_walls_that_meet_in_a_fire_it_stands_for_the_earlier() -> None:
    trigger = CronTrigger(hour="2,3", minute=30)

    assert trigger.wall_of(utc(2026, 10, 3, 16, 30)) == datetime(2026, 10, 4, 2, 30)


def test_what_follows_elapsed_time_has_no_walls() -> None:
    hourly = CronTrigger(hour="*", minute=0)
    interval = IntervalTrigger(days=1, start_date="2026-11-01T05:00")

    assert [hourly.wall_of(fire) for fire in islice(hourly.fires(utc(2026, 4, 4), utc(2026, 4, 6)), 9)] == [None] * 9
    assert interval.wall_of(following(interval, utc(2026, 11, 1))) is None


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize(
    "wall", ["2026-10-04T02:30:00", "2026-03-08T02:30:00", "2026-11-01T01:30:00", "2026-12-24T19:00"]
)
def test_a_date_without_an_offset_is_a_wall_and_one_with_is_none(zone: str, wall: str) -> None:
    bare, given = DateTrigger(wall, timezone=zone), DateTrigger(f"{wall}+02:00", timezone=zone)
    fire = following(bare, utc(2026, 1, 1))

    assert bare.wall_of(fire) == datetime.fromisoformat(wall)
    assert bare.instant_at(datetime.fromisoformat(wall)) == fire
    assert given.wall_of(following(given, utc(2026, 1, 1))) is None
