from itertools import pairwise

from tests.workers.triggers.moments import following, local, utc
from workers.triggers import CronTrigger


def test_a_fixed_time_in_a_gap_fires_once_shifted_forward():
    trigger = CronTrigger(hour=2, minute=30)
    fires = list(trigger.fires(utc(2026, 10, 2, 20), utc(2026, 10, 5)))
    assert fires == [utc(2026, 10, 3, 16, 30), utc(2026, 10, 4, 15, 30)]
    assert fires[0] == local("Australia/Sydney", 2026, 10, 4, 3, 30)
    assert trigger.note(fires[0]) == "02:30 does not exist on 4 October 2026; runs at 03:30"
    assert trigger.note(fires[1]) is None


def test_a_fixed_time_in_a_fold_fires_once_the_first_time():
    trigger = CronTrigger(hour=2, minute=30)
    fires = list(trigger.fires(utc(2026, 4, 4), utc(2026, 4, 5, 23)))
    assert fires == [utc(2026, 4, 4, 15, 30), utc(2026, 4, 5, 16, 30)]
    assert trigger.note(fires[0]) == "02:30 happens twice; the first is taken"
    assert trigger.note(fires[1]) is None


def test_asking_again_with_the_answer_always_advances_through_a_fold():
    trigger = CronTrigger(hour=2, minute="*/10")
    fire, seen = utc(2026, 4, 4), []
    for _ in range(20):
        fire = following(trigger, fire)
        seen.append(fire)
    assert all(earlier < later for earlier, later in pairwise(seen))


def test_a_shifted_fire_that_meets_another_is_one_fire():
    trigger = CronTrigger(hour="2,3", minute=30)
    gap = list(trigger.fires(local("Australia/Sydney", 2026, 10, 4), local("Australia/Sydney", 2026, 10, 4, 23)))
    assert gap == [local("Australia/Sydney", 2026, 10, 4, 3, 30)]


def test_shifted_and_ordinary_fires_come_in_the_order_of_time():
    trigger = CronTrigger(hour="2,3", minute="15,45", second="0,20", timezone="America/New_York")
    fires = list(trigger.fires(local("America/New_York", 2026, 3, 8), local("America/New_York", 2026, 3, 8, 23)))
    assert fires == [
        utc(2026, 3, 8, 7, 15),
        utc(2026, 3, 8, 7, 15, 20),
        utc(2026, 3, 8, 7, 45),
        utc(2026, 3, 8, 7, 45, 20),
    ]


def test_an_hour_that_begins_with_a_star_follows_elapsed_time():
    trigger = CronTrigger(hour="*", minute=30)
    fold = list(trigger.fires(utc(2026, 4, 4, 14), utc(2026, 4, 4, 18)))
    gap = list(trigger.fires(utc(2026, 10, 3, 14), utc(2026, 10, 3, 18)))
    assert fold == [utc(2026, 4, 4, hour, 30) for hour in (14, 15, 16, 17)]
    assert gap == [utc(2026, 10, 3, hour, 30) for hour in (14, 15, 16, 17)]
    assert [trigger.note(fire) for fire in (*fold, *gap)] == [None] * 8


def test_a_minute_without_an_hour_follows_elapsed_time():
    fold = list(CronTrigger(minute=30).fires(utc(2026, 4, 4, 14), utc(2026, 4, 4, 18)))
    assert fold == [utc(2026, 4, 4, hour, 30) for hour in (14, 15, 16, 17)]


def test_a_skipped_hour_does_not_exist_for_a_starred_hour():
    trigger = CronTrigger(hour="*/2")
    fires = trigger.fires(local("Australia/Sydney", 2026, 10, 4), local("Australia/Sydney", 2026, 10, 4, 6))
    assert list(fires) == [local("Australia/Sydney", 2026, 10, 4, hour) for hour in (0, 4, 6)]


def test_a_repeated_minute_before_a_month_of_silence_is_not_leapt_over():
    """Beirut shows 23:00 to 24:00 of 24 October twice; the next matching date is a month away."""
    trigger = CronTrigger(day=24, hour="*", minute=30, timezone="Asia/Beirut")
    assert list(trigger.fires(utc(2026, 10, 24, 20), utc(2026, 10, 25))) == [
        utc(2026, 10, 24, 20, 30),
        utc(2026, 10, 24, 21, 30),
    ]
    assert trigger.next_fire(utc(2026, 10, 24, 20, 30)) == utc(2026, 10, 24, 21, 30)


def test_a_missing_midnight_does_not_lose_the_day():
    trigger = CronTrigger(hour=0, timezone="Asia/Beirut")
    fires = list(trigger.fires(utc(2026, 3, 27), utc(2026, 3, 30)))
    assert fires == [utc(2026, 3, 27, 22), utc(2026, 3, 28, 22), utc(2026, 3, 29, 21)]
    assert trigger.note(fires[1]) == "00:00 does not exist on 29 March 2026; runs at 01:00"


def test_a_gap_before_midnight_carries_its_fires_into_the_next_day_in_order():
    """Nuuk skips 23:00 to 24:00 on 28 March 2026."""
    trigger = CronTrigger(hour="0,23", minute="10,40", timezone="America/Nuuk")
    fires = list(trigger.fires(utc(2026, 3, 29), utc(2026, 3, 29, 12)))
    assert fires == [utc(2026, 3, 29, 1, 10), utc(2026, 3, 29, 1, 40)]
    assert trigger.note(fires[0]) == "23:10 does not exist on 28 March 2026; runs at 00:10 on 29 March 2026"


def test_half_an_hour_of_daylight_saving_shifts_by_half_an_hour():
    trigger = CronTrigger(hour=2, minute=10, timezone="Australia/Lord_Howe")
    fire = trigger.next_fire(utc(2026, 10, 3, 12))
    assert fire == local("Australia/Lord_Howe", 2026, 10, 4, 2, 40)
    assert trigger.note(fire) == "02:10 does not exist on 4 October 2026; runs at 02:40"


def test_a_date_that_a_zone_skipped_whole_is_shifted_onto_the_next():
    """Samoa went from 29 to 31 December 2011."""
    daily = CronTrigger(hour=5, timezone="Pacific/Apia")
    assert list(daily.fires(utc(2011, 12, 29), utc(2012, 1, 2))) == [
        utc(2011, 12, 29, 15),
        utc(2011, 12, 30, 15),
        utc(2011, 12, 31, 15),
        utc(2012, 1, 1, 15),
    ]
    friday = CronTrigger(day_of_week="fri", hour=5, timezone="Pacific/Apia")
    fire = friday.next_fire(utc(2011, 12, 29))
    assert fire == utc(2011, 12, 30, 15)
    assert friday.note(fire) == "05:00 does not exist on 30 December 2011; runs at 05:00 on 31 December 2011"
