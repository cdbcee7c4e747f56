"""Triggers against brute force.

The oracle walks every minute of a week in UTC and asks the zone what its clocks show. It takes from that which walls
exist, which exist twice and which never, and applies the policy to the generated spec, which it holds as data: it
parses no expression, and shares no code with the triggers.
"""

import random
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger as APSchedulerCron

from workers.triggers import (
    CronTrigger,
    DateTrigger,
    IntervalTrigger,
    TriggerError,
    ensure_fires,
    jitter_of,
    parse,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NAIVE_EPOCH = datetime(1970, 1, 1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LIMITS = {
    "year": (1970, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "week": (1, 53),
    "day_of_week": (0, 6),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
}
SPECS_A_WEEK = 40


def utc(*parts):
    return datetime(*parts).replace(tzinfo=UTC)


def local(zone, *parts):
    return datetime(*parts).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def following(trigger, after):
    fire = trigger.next_fire(after)
    assert fire is not None
    return fire


# --- The oracle ---


@dataclass(frozen=True)
class Week:
    """Seven days around an edge of daylight saving; minutes are counted from 1970, in UTC or on the wall."""

    zone: str
    first_day: date
    seconds_shifted: int

    def __str__(self):
        return f"{self.zone} {self.first_day}"

    @property
    def first(self):
        return datetime(self.first_day.year, self.first_day.month, self.first_day.day, tzinfo=UTC)

    @property
    def last(self):
        return self.first + timedelta(days=7, seconds=-1)

    @cached_property
    def clocks(self):
        """Wall minute of every UTC minute, two days to either side included."""
        zone, start = ZoneInfo(self.zone), int(self.first.timestamp()) // 60 - 2 * 1440
        shown = {}
        for minute in range(start, start + 11 * 1440):
            wall = datetime.fromtimestamp(minute * 60, zone).replace(tzinfo=None)
            shown[minute] = int((wall - NAIVE_EPOCH).total_seconds()) // 60
        return shown

    @cached_property
    def fixed(self):
        """UTC minute of every wall minute: the first that shows it; for one never shown, as if nothing had changed."""
        first_shown: dict[int, int] = {}
        for minute, wall in self.clocks.items():
            first_shown.setdefault(wall, minute)
        instants, reading = {}, 0
        for wall in range(min(first_shown), max(first_shown) + 1):
            if wall in first_shown:
                reading = first_shown[wall] - wall
            instants[wall] = wall + reading
        return instants


@cache
def wall_parts(minute):
    wall = NAIVE_EPOCH + timedelta(minutes=minute)
    return wall.date(), wall.hour, wall.minute


@dataclass
class Spec:
    """Cron fields as data: a list of items per field."""

    items: dict[str, list[tuple]] = field(default_factory=dict)

    def kwargs(self):
        return {name: ",".join(map(self.text_of, items)) for name, items in self.items.items()}

    @staticmethod
    def text_of(item):
        match item:
            case ("every", 1):
                return "*"
            case ("every", step):
                return f"*/{step}"
            case ("range", low, high, 1):
                return str(low) if low == high else f"{low}-{high}"
            case ("range", low, high, step):
                return f"{low}-{high}/{step}"
            case ("names", names, low, high):
                return names[low] if low == high else f"{names[low]}-{names[high]}"
            case ("nth", position, weekday):
                return f"{('1st', '2nd', '3rd', '4th', '5th')[position]} {WEEKDAYS[weekday]}"
            case ("last", None):
                return "last"
            case ("last", weekday):
                return f"last {WEEKDAYS[weekday]}"

    def allows(self, name, value, day=None):
        return any(self.item_allows(item, name, value, day) for item in self.items_of(name))

    def items_of(self, name):
        if name in self.items:
            return self.items[name]
        order = list(LIMITS)
        coarser = order.index(name) < max(order.index(given) for given in self.items)
        low = LIMITS[name][0]
        return [("every", 1)] if coarser or name in ("week", "day_of_week") else [("range", low, low, 1)]

    @staticmethod
    def item_allows(item, name, value, day):
        match item:
            case ("every", step):
                return (value - LIMITS[name][0]) % step == 0
            case ("range", low, high, step):
                return low <= value <= high and (value - low) % step == 0
            case ("names", names, low, high):
                offset = 1 if names is MONTHS else 0
                return low <= value - offset <= high
            case ("nth", position, weekday):
                return day.weekday() == weekday and (day.day - 1) // 7 == position
            case ("last", None):
                return (day + timedelta(days=1)).month != day.month
            case ("last", weekday):
                return day.weekday() == weekday and (day + timedelta(days=7)).month != day.month

    def allows_date(self, day):
        return (
            self.allows("year", day.year)
            and self.allows("month", day.month)
            and self.allows("day", day.day, day)
            and self.allows("week", day.isocalendar().week)
            and self.allows("day_of_week", day.weekday())
        )

    @property
    def follows_elapsed_time(self):
        return self.items_of("hour")[0][0] == "every"

    def expected(self, week):
        """Every fire of the week as seconds since 1970, ascending."""
        hours = {hour for hour in range(24) if self.allows("hour", hour)}
        minutes = {minute for minute in range(60) if self.allows("minute", minute)}
        seconds = [second for second in range(60) if self.allows("second", second)]
        dates = {}

        def matches(wall):
            day, hour, minute = wall_parts(wall)
            if hour not in hours or minute not in minutes:
                return False
            if day not in dates:
                dates[day] = self.allows_date(day)
            return dates[day]

        if self.follows_elapsed_time:
            instants = {instant for instant, wall in week.clocks.items() if matches(wall)}
        else:
            instants = {instant for wall, instant in week.fixed.items() if matches(wall)}
        first, last = week.first.timestamp(), week.last.timestamp()
        return [at for minute in sorted(instants) for s in seconds if first <= (at := minute * 60 + s) <= last]


def random_spec(rng, week):
    spec = Spec()
    while not spec.items:
        for name, chance in (
            ("year", 0.1), ("month", 0.2), ("day", 0.25), ("week", 0.1),
            ("day_of_week", 0.3), ("hour", 0.7), ("minute", 0.6), ("second", 0.25),
        ):  # fmt: skip
            if rng.random() < chance:
                spec.items[name] = [random_item(rng, name, week) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    return spec


def random_item(rng, name, week):
    low, high = LIMITS[name]
    day = week.first_day + timedelta(days=rng.randrange(7))
    near = {
        "year": day.year,
        "month": day.month,
        "day": day.day,
        "week": day.isocalendar().week,
        "day_of_week": day.weekday(),
        "hour": rng.choice((0, 1, 2, 2, 3, 23)),
    }.get(name, rng.randint(low, high))
    kinds = ["every", "one", "one", "range", "range", "stepped"]
    if name == "day":
        kinds += ["nth", "nth", "last", "last weekday"]
    if name in ("month", "day_of_week"):
        kinds += ["names", "names"]
    start, end = max(low, near - rng.randrange(8)), min(high, near + rng.randrange(8))
    match rng.choice(kinds):
        case "every":
            return ("every", rng.choice((1, 2, 3, 5)))
        case "one":
            return ("range", near, near, 1)
        case "stepped" if end > start:
            return ("range", start, end, rng.randint(1, end - start))
        case "names":
            offset = 1 if name == "month" else 0
            return ("names", MONTHS if name == "month" else WEEKDAYS, start - offset, end - offset)
        case "nth":
            return ("nth", (day.day - 1) // 7, day.weekday())
        case "last":
            return ("last", None)
        case "last weekday":
            return ("last", day.weekday())
        case _:
            return ("range", start, end, 1)


WEEKS = [
    Week("UTC", date(2026, 2, 25), 0),
    Week("UTC", date(2026, 12, 28), 0),
    Week("Australia/Sydney", date(2026, 4, 2), -3600),
    Week("Australia/Sydney", date(2026, 10, 1), 3600),
    Week("America/New_York", date(2026, 3, 5), 3600),
    Week("America/New_York", date(2026, 10, 29), -3600),
    Week("Asia/Beirut", date(2026, 3, 26), 3600),
    Week("Asia/Beirut", date(2026, 10, 22), -3600),
    Week("Australia/Lord_Howe", date(2026, 4, 2), -1800),
    Week("Australia/Lord_Howe", date(2026, 10, 1), 1800),
    Week("Europe/London", date(2026, 3, 26), 3600),
    Week("Europe/London", date(2026, 10, 22), -3600),
]


def seconds_of(fires):
    return [int(fire.timestamp()) for fire in fires]


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


def test_fields_mean_what_they_mean_to_apscheduler():
    rng = random.Random("apscheduler")
    for _ in range(80):
        spec = random_spec(rng, WEEKS[0])
        theirs = APSchedulerCron(**spec.kwargs(), timezone=UTC)
        ours = CronTrigger(**spec.kwargs(), timezone=UTC)
        fire = NOW
        for _ in range(3):
            expected = theirs.get_next_fire_time(None, fire + timedelta(microseconds=1))
            assert ours.next_fire(fire) == expected, spec.kwargs()
            if expected is None:
                break
            fire = expected


# --- Daylight saving, case by case ---


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


# --- The reference's samples ---


def test_the_sample_that_generates_sessions_runs_at_five_in_sydney():
    trigger = CronTrigger(hour=5)
    assert trigger.next_fire(NOW) == local("Australia/Sydney", 2026, 11, 24, 5)
    assert trigger.to_json() == {"type": "cron", "hour": 5}


def test_the_sample_interval_runs_every_twelve_hours():
    trigger = IntervalTrigger(hours=12, anchor=NOW)
    assert list(trigger.fires(NOW, NOW + timedelta(days=1))) == [NOW + timedelta(hours=12), NOW + timedelta(hours=24)]
    assert trigger.to_json() == {"type": "interval", "hours": 12}


def test_the_sample_date_runs_once_tomorrow_at_noon():
    tomorrow_noon = datetime(2026, 11, 24, 12)
    trigger = DateTrigger(run_date=tomorrow_noon)
    fire = local("Australia/Sydney", 2026, 11, 24, 12)
    assert trigger.next_fire(NOW) == fire
    assert trigger.next_fire(fire) is None
    assert trigger.to_json() == {"type": "date", "run_date": "2026-11-24T12:00:00"}


def test_the_sample_cron_for_2025_can_never_fire_again():
    trigger = CronTrigger(year="2025", month="1-12", day="*/5", hour="0-23", minute="0-59", second="0-59")
    assert trigger.next_fire(NOW) is None
    assert trigger.next_fire(utc(2025, 6, 2)) == local("Australia/Sydney", 2025, 6, 6)
    with pytest.raises(TriggerError, match="2025 is over") as error:
        ensure_fires(trigger, NOW)
    assert error.value.field == "trigger.year"


# --- Cron: defaults, sparse schedules, bounds ---


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"hour": 5}, utc(2026, 11, 24, 5)),
        ({"day": 1}, utc(2026, 12, 1)),
        ({"month": "feb"}, utc(2027, 2, 1)),
        ({"year": 2099}, utc(2099, 1, 1)),
        ({"week": 53}, utc(2026, 12, 28)),
        ({"day_of_week": "sun"}, utc(2026, 11, 29)),
        ({"day_of_week": 0}, utc(2026, 11, 30)),
        ({"minute": 15}, utc(2026, 11, 23, 9, 15)),
        ({"second": 30}, utc(2026, 11, 23, 9, 0, 30)),
        ({"day": "last"}, utc(2026, 11, 30)),
        ({"day": "2nd FRI"}, utc(2026, 12, 11)),
        ({"day": "last sun, 1"}, utc(2026, 11, 29)),
        ({"month": "jan-dec/6", "day": 1}, utc(2027, 1, 1)),
        ({"day_of_week": "mon-fri/2", "hour": "0"}, utc(2026, 11, 25)),
    ],
    ids=str,
)
def test_fields_finer_than_the_finest_given_are_at_their_minimum(fields, expected):
    assert CronTrigger(**fields, timezone="UTC").next_fire(NOW) == expected


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


# --- Crontab expressions ---


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


# --- Intervals ---


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


# --- Dates ---


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


# --- Jitter ---


def test_jitter_is_the_same_for_the_same_slot_and_spreads_over_the_others():
    slots = [NOW + timedelta(minutes=n) for n in range(200)]
    offsets = [jitter_of("digest", slot, 30) for slot in slots]
    assert offsets == [jitter_of("digest", slot.astimezone(ZoneInfo("Asia/Tokyo")), 30) for slot in slots]
    assert all(timedelta() <= offset <= timedelta(seconds=30) for offset in offsets)
    assert max(offsets) > timedelta(seconds=25)
    assert min(offsets) < timedelta(seconds=5)
    assert offsets != [jitter_of("another", slot, 30) for slot in slots]
    assert jitter_of("digest", NOW, 0) == timedelta()


def test_jitter_never_moves_a_slot():
    assert CronTrigger(hour=5, jitter=600).next_fire(NOW) == CronTrigger(hour=5).next_fire(NOW)


# --- JSON ---


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "interval", "weeks": 1, "seconds": 30},
        {"type": "cron", "month": "1-12", "day": "2nd fri,last", "hour": 5, "minute": "*/15"},
        {"type": "cron", "expression": "0 5 * * mon-fri"},
        {"type": "date", "run_date": "2026-11-26T19:00:00"},
        {"type": "date", "run_date": "2026-11-26T19:00:00+11:00"},
    ],
    ids=str,
)
def test_a_trigger_survives_the_way_through_json(spec):
    once = parse(spec, anchor=NOW)
    assert once.to_json() == spec
    again = parse(once.to_json(), anchor=NOW)
    until = NOW + timedelta(days=40)
    assert list(again.fires(NOW, until)) == list(once.fires(NOW, until)) != []


def test_text_is_stored_in_one_spelling_and_null_is_not_given():
    trigger = parse({"type": "cron", "day": " 2nd  FRI , last", "hour": 5, "minute": None})
    assert trigger.to_json() == {"type": "cron", "day": "2nd fri , last", "hour": 5}
    assert parse({"type": "interval", "hours": 12, "days": None}).to_json() == {"type": "interval", "hours": 12}


def test_parse_passes_zone_bounds_and_jitter_on():
    trigger = parse(
        {"type": "cron", "hour": 5},
        timezone="America/New_York",
        start_at="2026-12-01",
        end_at=utc(2027, 1, 1),
        jitter=30,
    )
    assert trigger.timezone == ZoneInfo("America/New_York")
    assert (trigger.start_at, trigger.end_at, trigger.jitter) == (utc(2026, 12, 1, 5), utc(2027, 1, 1), 30)
    assert trigger.next_fire(NOW) == utc(2026, 12, 1, 10)


CRON = {"type": "cron"}
BAD_INPUT = [
    (None, "trigger", "not an object"),
    ({}, "trigger.type", "missing; use interval, cron or date"),
    ({"type": "hourly"}, "trigger.type", "use interval, cron or date"),
    ({"type": ["cron"]}, "trigger.type", "use interval, cron or date"),
    (CRON, "trigger", "needs one of year, month"),
    ({**CRON, "hour": None}, "trigger", "needs one of"),
    ({**CRON, "hours": 5}, "trigger.hours", "year, month, day, week, day_of_week, hour, minute, second, expression"),
    ({**CRON, "hour": 5, "queue": "x"}, "trigger.queue", "no field of cron triggers"),
    ({**CRON, "minute": "*/0"}, "trigger.minute", "step is at least 1"),
    ({**CRON, "minute": "61"}, "trigger.minute", "from 0 to 59"),
    ({**CRON, "minute": 61}, "trigger.minute", "from 0 to 59"),
    ({**CRON, "minute": "*/60"}, "trigger.minute", "fits into its range"),
    ({**CRON, "hour": 24}, "trigger.hour", "from 0 to 23"),
    ({**CRON, "hour": -1}, "trigger.hour", "from 0 to 23"),
    ({**CRON, "hour": "10-5"}, "trigger.hour", "from low to high"),
    ({**CRON, "hour": ""}, "trigger.hour", "write 5, 9-17"),
    ({**CRON, "hour": "5,"}, "trigger.hour", "write 5, 9-17"),
    ({**CRON, "hour": "five"}, "trigger.hour", "write 5, 9-17"),
    ({**CRON, "hour": 5.5}, "trigger.hour", "write 5, 9-17"),
    ({**CRON, "hour": True}, "trigger.hour", "write 5, 9-17"),
    ({**CRON, "hour": [5]}, "trigger.hour", "write 5, 9-17"),
    ({**CRON, "hour": "\u0665"}, "trigger.hour", "write 5, 9-17"),
    ({**CRON, "hour": "5" * 10_000}, "trigger.hour", "write 5, 9-17"),
    ({**CRON, "hour": "x" * 400}, "trigger.hour", "'" + "x" * 59 + " will not do"),
    ({**CRON, "hour": 10**40}, "trigger.hour", "from 0 to 23"),
    ({**CRON, "second": 60}, "trigger.second", "from 0 to 59"),
    ({**CRON, "day": 0}, "trigger.day", "from 1 to 31"),
    ({**CRON, "day": 32}, "trigger.day", "from 1 to 31"),
    ({**CRON, "day": "6th fri"}, "trigger.day", "2nd fri"),
    ({**CRON, "day": "2nd friday"}, "trigger.day", "2nd fri"),
    ({**CRON, "day": "lastly"}, "trigger.day", "last sun"),
    ({**CRON, "month": 13}, "trigger.month", "from 1 to 12"),
    ({**CRON, "month": "june"}, "trigger.month", "jan"),
    ({**CRON, "day_of_week": 7}, "trigger.day_of_week", "0 (Monday)"),
    ({**CRON, "day_of_week": "fri-mon"}, "trigger.day_of_week", "from low to high"),
    ({**CRON, "week": 54}, "trigger.week", "from 1 to 53"),
    ({**CRON, "year": 1969}, "trigger.year", "from 1970"),
    ({**CRON, "expression": "0 5 * * *", "hour": 5}, "trigger.expression", "not both"),
    ({**CRON, "expression": "0 0 5 * * *"}, "trigger.expression", "has 6 fields and needs five"),
    ({**CRON, "expression": ""}, "trigger.expression", "has 0 fields and needs five"),
    ({**CRON, "expression": "@reboot"}, "trigger.expression", "needs five"),
    ({**CRON, "expression": 5}, "trigger.expression", "short text"),
    ({**CRON, "expression": "61 * * * *"}, "trigger.expression", "minute: numbers run from 0 to 59"),
    ({**CRON, "expression": "*/0 * * * *"}, "trigger.expression", "step is at least 1"),
    ({**CRON, "expression": "0 24 * * *"}, "trigger.expression", "hour: numbers run from 0 to 23"),
    ({**CRON, "expression": "0 10-5 * * *"}, "trigger.expression", "from low to high"),
    ({**CRON, "expression": "0 5 last * *"}, "trigger.expression", "day"),
    ({**CRON, "expression": "0 5 * * 8"}, "trigger.expression", "0 and 7 are Sunday"),
    ({**CRON, "expression": "0 5 * * fri-mon"}, "trigger.expression", "from low to high"),
    ({**CRON, "expression": "0 5 * * */0"}, "trigger.expression", "a step is 1 to 6"),
    ({**CRON, "expression": "0 5 * * ?"}, "trigger.expression", "0 and 7 are Sunday"),
    ({"type": "interval"}, "trigger", "above 0"),
    ({"type": "interval", "hours": 0}, "trigger", "above 0"),
    ({"type": "interval", "hours": "12"}, "trigger.hours", "whole number"),
    ({"type": "interval", "hours": 1.5}, "trigger.hours", "whole number"),
    ({"type": "interval", "hours": True}, "trigger.hours", "whole number"),
    ({"type": "interval", "hours": -1, "days": 1}, "trigger.hours", "whole number"),
    ({"type": "interval", "weeks": 10**12}, "trigger.weeks", "too long"),
    ({"type": "interval", "years": 1}, "trigger.years", "weeks, days, hours, minutes, seconds"),
    ({"type": "date"}, "trigger.run_date", "missing; write 2026"),
    ({"type": "date", "run_date": "tomorrow"}, "trigger.run_date", "write 2026"),
    ({"type": "date", "run_date": 1790000000}, "trigger.run_date", "write 2026"),
    ({"type": "date", "run_date": "2026-02-30"}, "trigger.run_date", "write 2026"),
    ({"type": "date", "run_date": "0001-01-01T00:00:00+14:00"}, "trigger.run_date", "beyond the calendar"),
]


@pytest.mark.parametrize(("spec", "field_name", "words"), BAD_INPUT, ids=lambda value: str(value)[:60])
def test_bad_input_is_refused_with_field_and_fix(spec, field_name, words):
    with pytest.raises(TriggerError, match=re.escape(words)) as error:
        parse(spec)
    assert error.value.field == field_name


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
    with pytest.raises(TriggerError, match=re.escape(words)) as error:
        parse({"type": "cron", "hour": 5}, **options)
    assert error.value.field == field_name


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


# --- The finest spacing ---


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


def test_the_smallest_gap_of_the_others():
    assert IntervalTrigger(minutes=1, seconds=30).smallest_gap() == timedelta(seconds=90)
    assert DateTrigger("2026-12-01").smallest_gap() is None


# --- In words ---


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"type": "interval", "hours": 12}, "every 12 hours"),
        ({"type": "interval", "days": 1}, "every day"),
        ({"type": "interval", "hours": 1, "minutes": 30}, "every 1 hour and 30 minutes"),
        ({"type": "date", "run_date": "2026-11-26T19:00"}, "once, on 26 November 2026 at 19:00"),
        ({**CRON, "hour": 5}, "at 05:00, every day"),
        ({**CRON, "hour": 5, "day_of_week": "mon-fri"}, "at 05:00, Monday to Friday"),
        ({**CRON, "expression": "0 5 * * mon-fri"}, "at 05:00, Monday to Friday"),
        ({**CRON, "hour": "5,17", "minute": 30, "second": 15}, "at 05:30:15 and 17:30:15, every day"),
        ({**CRON, "day_of_week": "sat,sun"}, "at 00:00, every Saturday and Sunday"),
        ({**CRON, "second": "*/15"}, "every 15 seconds"),
        ({**CRON, "minute": "*/15", "hour": "9-17"}, "every 15 minutes, in hours 9 to 17"),
        ({**CRON, "minute": "*/7"}, "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour"),
        ({**CRON, "minute": 15}, "at minute 15 of every hour"),
        ({**CRON, "hour": "*/2"}, "every 2 hours"),
        ({**CRON, "hour": "9-17"}, "every hour from 09:00 to 17:00"),
        ({**CRON, "expression": "* * * * *"}, "every minute"),
        ({**CRON, "day": 1}, "at 00:00, on the 1st of every month"),
        ({**CRON, "day": "2nd fri, last"}, "at 00:00, on the 2nd Friday and last day of every month"),
        ({**CRON, "month": 2, "day": 29}, "at 00:00, on the 29th of February"),
        ({**CRON, "month": "jan,jul", "day_of_week": 0}, "at 00:00, every Monday, in January and July"),
        ({**CRON, "day": 13, "day_of_week": "fri"}, "at 00:00, on the 13th of every month when that is Friday"),
        ({**CRON, "expression": "0 0 13 * fri"}, "at 00:00, on the 13th of the month or every Friday"),
        ({**CRON, "week": 5, "day_of_week": 2}, "at 00:00, every Wednesday, in ISO week 5"),
        ({**CRON, "year": 2099}, "at 00:00, on the 1st of January, in 2099"),
    ],
    ids=str,
)
def test_a_trigger_describes_itself(spec, sentence):
    assert parse(spec).describe() == sentence
