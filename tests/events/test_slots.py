"""Slots: dates with their instants, around every kind of clock change, or with the reason they are skipped."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.public_holidays import public_holiday
from events.recurrence import WEEKDAYS, Rule
from events.slots import Closed, Schedule, Slot, localise, midnight

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def schedule(zone: str = "Australia/Sydney", at: str = "19:00", **fields: Any) -> Schedule:
    daily: dict[str, Any] = {"rule": Rule("daily", date(2011, 1, 1)), "duration": timedelta(hours=4)}
    return Schedule(start_time=time.fromisoformat(at), zone=ZoneInfo(zone), **daily | fields)


def on(schedule: Schedule, day: str) -> Slot:
    (slot,) = schedule.slots(date.fromisoformat(day), date.fromisoformat(day))
    return slot


# --- Clock changes, by name ---------------------------------------------------------------------------------

# Zone, wall-clock start, date, its instant in UTC, and the note.
CLOCK_CHANGES = [
    # Sydney goes from 03:00 back to 02:00, and half a year later from 02:00 on to 03:00.
    ("Australia/Sydney", "19:00", "2026-04-04", "2026-04-04T08:00", None),
    ("Australia/Sydney", "19:00", "2026-04-05", "2026-04-05T09:00", None),
    ("Australia/Sydney", "01:59", "2026-04-05", "2026-04-04T14:59", None),
    ("Australia/Sydney", "02:00", "2026-04-05", "2026-04-04T15:00", "02:00 happens twice; the first is taken"),
    ("Australia/Sydney", "02:30", "2026-04-05", "2026-04-04T15:30", "02:30 happens twice; the first is taken"),
    ("Australia/Sydney", "02:59", "2026-04-05", "2026-04-04T15:59", "02:59 happens twice; the first is taken"),
    ("Australia/Sydney", "03:00", "2026-04-05", "2026-04-04T17:00", None),
    ("Australia/Sydney", "01:59", "2026-10-04", "2026-10-03T15:59", None),
    ("Australia/Sydney", "02:00", "2026-10-04", "2026-10-03T16:00", "02:00 does not exist; moved to 03:00"),
    ("Australia/Sydney", "02:30", "2026-10-04", "2026-10-03T16:30", "02:30 does not exist; moved to 03:30"),
    ("Australia/Sydney", "02:59", "2026-10-04", "2026-10-03T16:59", "02:59 does not exist; moved to 03:59"),
    ("Australia/Sydney", "03:00", "2026-10-04", "2026-10-03T16:00", None),
    ("Australia/Sydney", "19:00", "2026-10-03", "2026-10-03T09:00", None),
    ("Australia/Sydney", "19:00", "2026-10-04", "2026-10-04T08:00", None),
    # Lord Howe by half an hour: from 02:00 back to 01:30, and from 02:00 on to 02:30.
    ("Australia/Lord_Howe", "01:29", "2026-04-05", "2026-04-04T14:29", None),
    ("Australia/Lord_Howe", "01:45", "2026-04-05", "2026-04-04T14:45", "01:45 happens twice; the first is taken"),
    ("Australia/Lord_Howe", "02:00", "2026-04-05", "2026-04-04T15:30", None),
    ("Australia/Lord_Howe", "02:15", "2026-10-04", "2026-10-03T15:45", "02:15 does not exist; moved to 02:45"),
    ("Australia/Lord_Howe", "02:30", "2026-10-04", "2026-10-03T15:30", None),
    ("Australia/Lord_Howe", "19:00", "2026-10-03", "2026-10-03T08:30", None),
    ("Australia/Lord_Howe", "19:00", "2026-10-04", "2026-10-04T08:00", None),
    # New York
    ("America/New_York", "02:30", "2026-03-08", "2026-03-08T07:30", "02:30 does not exist; moved to 03:30"),
    ("America/New_York", "19:00", "2026-03-07", "2026-03-08T00:00", None),
    ("America/New_York", "19:00", "2026-03-08", "2026-03-08T23:00", None),
    ("America/New_York", "01:30", "2026-11-01", "2026-11-01T05:30", "01:30 happens twice; the first is taken"),
    ("America/New_York", "02:00", "2026-11-01", "2026-11-01T07:00", None),
    # Beirut has a day without a midnight, and one whose last hour happens twice.
    ("Asia/Beirut", "00:00", "2026-03-29", "2026-03-28T22:00", "00:00 does not exist; moved to 01:00"),
    ("Asia/Beirut", "00:30", "2026-03-29", "2026-03-28T22:30", "00:30 does not exist; moved to 01:30"),
    ("Asia/Beirut", "01:00", "2026-03-29", "2026-03-28T22:00", None),
    ("Asia/Beirut", "23:30", "2026-10-24", "2026-10-24T20:30", "23:30 happens twice; the first is taken"),
    ("Asia/Beirut", "00:00", "2026-10-25", "2026-10-24T22:00", None),
    # Apia went from one end of the world's day to the other.
    ("Pacific/Apia", "19:00", "2011-12-29", "2011-12-30T05:00", None),
    ("Pacific/Apia", "19:00", "2011-12-31", "2011-12-31T05:00", None),
    ("UTC", "02:30", "2026-10-04", "2026-10-04T02:30", None),
]


@pytest.mark.parametrize(("zone", "at", "day", "instant", "note"), CLOCK_CHANGES)
def test_a_start_around_a_clock_change_has_its_instant_and_its_note(
    zone: str, at: str, day: str, instant: str, note: str | None
) -> None:
    expected = datetime.fromisoformat(instant).replace(tzinfo=UTC)

    assert localise(date.fromisoformat(day), time.fromisoformat(at), ZoneInfo(zone)) == (expected, note)

    slot = on(schedule(zone, at), day)
    assert (slot.starts_at, slot.ends_at) == (expected, expected + timedelta(hours=4))
    assert (slot.note, slot.skipped, slot.cause) == (note, None, "")


@pytest.mark.parametrize(("at", "starts", "ends"), [("19:00", "19:00", "23:00"), ("00:30", "00:30", "05:30")])
def test_a_game_lasts_as_long_on_the_night_of_a_clock_change_as_on_any_other(at: str, starts: str, ends: str) -> None:
    """When the clocks go on at 02:00, four hours from 00:30 are over at 05:30."""
    slot = on(schedule("Australia/Sydney", at), "2026-10-04")

    assert slot.starts_at
    assert slot.ends_at
    local = [f"{instant.astimezone(ZoneInfo('Australia/Sydney')):%H:%M}" for instant in (slot.starts_at, slot.ends_at)]
    assert local == [starts, ends]
    assert slot.ends_at - slot.starts_at == timedelta(hours=4)


CHANGES = [
    ("Australia/Sydney", date(2026, 4, 5)),
    ("Australia/Sydney", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Asia/Beirut", date(2026, 10, 25)),
    ("UTC", date(2026, 10, 4)),
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("at", ["00:00", "01:45", "02:15", "02:30", "12:00", "19:00", "23:30"])
def test_across_a_clock_change_each_date_has_one_slot_and_the_wall_clock_keeps_its_start(
    zone: str, change: date, at: str
) -> None:
    first, last = change - 10 * DAY, change + 10 * DAY
    slots = list(schedule(zone, at).slots(first, last))

    assert [slot.date for slot in slots] == [first + n * DAY for n in range(21)]
    instants = [slot.starts_at for slot in slots if slot.starts_at]
    assert len(set(instants)) == 21
    assert instants == sorted(instants)
    for slot in slots:
        assert slot.starts_at
        local = slot.starts_at.astimezone(ZoneInfo(zone))
        assert local.date() == slot.date
        moved = bool(slot.note and "does not exist" in slot.note)
        assert (f"{local:%H:%M}" == at) is not moved
        assert not moved or slot.date == change


def test_the_day_that_apia_left_out_is_skipped_and_its_neighbours_are_played_once_each() -> None:
    before, missing, after = schedule("Pacific/Apia").slots(date(2011, 12, 29), date(2011, 12, 31))

    assert missing == Slot(date(2011, 12, 30), skipped="2011-12-30 does not exist in Pacific/Apia", cause="exception")
    assert before.starts_at
    assert after.starts_at
    assert after.starts_at - before.starts_at == DAY


# --- An oracle that goes the other way: from instants to the wall clock -------------------------------------

ZONES = [
    "Africa/Casablanca",  # off its usual offset in Ramadan
    "America/New_York",
    "America/Nuuk",
    "America/Sao_Paulo",  # changed at midnight
    "Antarctica/Troll",  # by two hours
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Pyongyang",  # by half an hour, at midnight
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
]


def oracle(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first minute at which the wall shows `at`; if it never does, as far after the jump as `at` lies in it."""
    wall = datetime.combine(day, at)
    earliest = wall.replace(tzinfo=UTC) - timedelta(hours=15)
    shown = [(earliest + n * MINUTE, wall_clock(earliest + n * MINUTE, zone)) for n in range(42 * 60)]
    for instant, local in shown:
        if local == wall:
            return instant
    (before, jumped_from), (jump, _) = next((one, other) for one, other in pairwise(shown) if one[1] < wall < other[1])
    assert jump == before + MINUTE
    return jump + (wall - (jumped_from + MINUTE))


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


DATES = st.dates(date(2005, 1, 1), date(2037, 12, 31)) | st.sampled_from([day for _, day in CHANGES])
TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59)) | st.builds(time, st.integers(0, 3), st.just(30))


@settings(max_examples=150, deadline=None)
@given(DATES, TIMES, st.sampled_from(ZONES))
@example(date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe")
@example(date(2026, 4, 5), time(1, 45), "Australia/Lord_Howe")
@example(date(2026, 3, 29), time(0), "Asia/Beirut")
@example(date(2018, 11, 4), time(0), "America/Sao_Paulo")
@example(date(2018, 2, 17), time(23, 30), "America/Sao_Paulo")
@example(date(2018, 5, 4), time(23, 45), "Asia/Pyongyang")
@example(date(2026, 3, 29), time(2, 30), "Antarctica/Troll")
@example(date(2011, 12, 31), time(0), "Pacific/Apia")
@example(date(2026, 3, 28), time(22, 30), "America/Nuuk")
def test_instants_are_those_that_a_look_at_every_minute_finds(day: date, at: time, name: str) -> None:
    zone = ZoneInfo(name)
    instant, note = localise(day, at, zone)

    if (name, day) == ("Pacific/Apia", date(2011, 12, 30)):
        assert (instant, note) == (None, "2011-12-30 does not exist in Pacific/Apia")
        return
    assert instant == oracle(day, at, zone)
    shown = wall_clock(instant, zone)
    if shown != datetime.combine(day, at):
        assert note == f"{at:%H:%M} does not exist; moved to {shown:%H:%M}"
    elif any(wall_clock(instant + n * MINUTE, zone) == shown for n in range(1, 24 * 60)):
        assert note == f"{at:%H:%M} happens twice; the first is taken"
    else:
        assert note is None


def test_the_oracle_itself_knows_the_examples_of_the_standard() -> None:
    """RFC 5545 §3.3.5: 02:30 in New York on 11 March 2007 is 07:30 in UTC; the first 01:30 on 4 November, 05:30."""
    zone = ZoneInfo("America/New_York")
    assert oracle(date(2007, 3, 11), time(2, 30), zone) == datetime(2007, 3, 11, 7, 30, tzinfo=UTC)
    assert oracle(date(2007, 11, 4), time(1, 30), zone) == datetime(2007, 11, 4, 5, 30, tzinfo=UTC)


# --- Midnight -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Australia/Sydney", "2026-10-04", "2026-10-03T14:00"),
        ("Australia/Sydney", "2026-10-05", "2026-10-04T13:00"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00"),  # begins at 01:00
        ("America/Havana", "2026-11-01", "2026-11-01T04:00"),  # shows 00:00 again an hour later
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00"),  # after an hour that came twice
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),  # was left out: it is over as it begins
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
    ],
)
def test_a_date_begins_as_soon_as_the_wall_shows_it(zone: str, day: str, begins: str) -> None:
    expected = datetime.fromisoformat(begins).replace(tzinfo=UTC)

    assert midnight(date.fromisoformat(day), ZoneInfo(zone)) == expected
    assert midnight(date.fromisoformat(day) - DAY, ZoneInfo(zone), days_later=1) == expected


@settings(max_examples=100, deadline=None)
@given(DATES, st.sampled_from(ZONES))
@example(date(2026, 3, 29), "Asia/Beirut")
@example(date(2018, 2, 18), "America/Sao_Paulo")
@example(date(2018, 5, 5), "Asia/Pyongyang")
@example(date(2011, 12, 30), "Pacific/Apia")
def test_midnight_is_the_first_minute_of_its_date_or_a_later_one(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    earliest = datetime.combine(day, time(), tzinfo=UTC) - timedelta(hours=15)
    minutes = (earliest + n * MINUTE for n in range(42 * 60))
    assert midnight(day, zone) == next(minute for minute in minutes if wall_clock(minute, zone).date() >= day)


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati", "UTC"])
@pytest.mark.parametrize("days_later", [0, 1])
def test_the_first_and_the_last_date_there_is_have_a_midnight(zone: str, days_later: int) -> None:
    first, last = (midnight(day, ZoneInfo(zone), days_later) for day in (date.min, date.max))

    assert first < midnight(date(3, 1, 1), ZoneInfo(zone))
    assert last > midnight(date(9998, 1, 1), ZoneInfo(zone))


# --- Windows ------------------------------------------------------------------------------------------------

START = date(2026, 3, 1)
NEAR = st.integers(0, 250).map(lambda n: START + n * DAY)
REASONS = st.sampled_from(["", "cup final"])
SCHEDULES = st.builds(
    schedule,
    st.sampled_from(ZONES),
    TIMES.map(time.isoformat),
    rule=st.builds(
        Rule,
        st.just("weekly"),
        NEAR,
        interval=st.integers(1, 3),
        weekdays=st.lists(st.sampled_from(WEEKDAYS), unique=True).map(tuple),
    )
    | st.builds(Rule, st.just("daily"), NEAR, interval=st.integers(1, 3)),
    excluded=st.dictionaries(NEAR, REASONS, max_size=20),
    added=st.dictionaries(NEAR, REASONS, max_size=20),
    closures=st.lists(
        st.builds(lambda first, days: Closed(first, first + days * DAY, "works"), NEAR, st.integers(0, 20)), max_size=4
    ).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(SCHEDULES, st.lists(st.integers(0, 250)))
def test_windows_cut_anywhere_join_up_to_the_whole(schedule: Schedule, cuts: list[int]) -> None:
    last = START + 250 * DAY
    opens = [START, *sorted(START + cut * DAY for cut in cuts)]
    closes = [*(day - DAY for day in opens[1:]), last]
    pieces = [list(schedule.slots(*piece)) for piece in zip(opens, closes, strict=True)]

    whole = list(schedule.slots(START, last))
    assert list(chain.from_iterable(pieces)) == whole
    assert [slot.date for slot in whole] == sorted({slot.date for slot in whole})


def test_a_window_that_ends_before_it_begins_has_no_slots() -> None:
    assert list(schedule(added={date(2026, 3, 5): ""}).slots(date(2026, 3, 6), date(2026, 3, 4))) == []


# --- What is skipped, and why -------------------------------------------------------------------------------


def thursdays(**fields: Any) -> Schedule:
    return schedule(rule=Rule("weekly", date(2026, 3, 5)), **fields)


def said(schedule: Schedule, first: str = "2026-03-05", last: str = "2026-03-20") -> dict[str, str | None]:
    slots = schedule.slots(date.fromisoformat(first), date.fromisoformat(last))
    return {f"{slot.date:%d}": slot.skipped for slot in slots}


def dated(**reasons: str) -> dict[date, str]:
    return {date(2026, 3, int(day.strip("d"))): reason for day, reason in reasons.items()}


def test_a_plain_rule_skips_nothing() -> None:
    assert said(thursdays()) == {"05": None, "12": None, "19": None}


@pytest.mark.parametrize(("reason", "skipped"), [("cup final", "excluded: cup final"), ("", "excluded")])
def test_an_excluded_date_keeps_its_place_with_the_reason_and_no_instant(reason: str, skipped: str) -> None:
    slots = thursdays(excluded=dated(d12=reason))

    assert on(slots, "2026-03-12") == Slot(date(2026, 3, 12), skipped=skipped, cause="exception")
    assert said(slots) == {"05": None, "12": skipped, "19": None}


def test_excluding_a_date_that_no_rule_names_says_nothing() -> None:
    assert said(thursdays(excluded=dated(d13="cup final"))) == {"05": None, "12": None, "19": None}


def test_an_added_date_is_played_like_any_other() -> None:
    slots = thursdays(added=dated(d14="cup final"))

    assert said(slots) == {"05": None, "12": None, "14": None, "19": None}
    assert on(slots, "2026-03-14").starts_at == datetime(2026, 3, 14, 8, tzinfo=UTC)


def test_adding_a_date_that_the_rule_names_changes_nothing() -> None:
    assert list(thursdays(added=dated(d12="")).slots(START, START + 30 * DAY)) == list(
        thursdays().slots(START, START + 30 * DAY)
    )


def test_a_date_may_be_added_before_the_rule_begins_and_after_it_ends() -> None:
    slots = schedule(rule=Rule("weekly", date(2026, 3, 12), end_date=date(2026, 3, 12)), added=dated(d06="", d18=""))

    assert said(slots) == {"06": None, "12": None, "18": None}


def test_a_closure_skips_its_first_and_last_date_and_all_between() -> None:
    closed = (Closed(date(2026, 3, 12), date(2026, 3, 19), "renovation"),)
    slots = schedule(closures=closed)

    assert [day for day, why in said(slots).items() if why] == ["12", "13", "14", "15", "16", "17", "18", "19"]
    assert on(slots, "2026-03-12") == Slot(date(2026, 3, 12), skipped="closed: renovation", cause="closure")


def test_an_added_date_is_not_played_while_the_venue_is_closed() -> None:
    closed = (Closed(date(2026, 3, 14), date(2026, 3, 14), "renovation"),)

    assert said(thursdays(added=dated(d14=""), closures=closed))["14"] == "closed: renovation"


def holidays_of(region: str) -> Any:
    return lambda day: public_holiday(region, day)


def test_anzac_day_is_skipped_in_new_south_wales() -> None:
    saturdays = schedule(rule=Rule("weekly", date(2026, 4, 18)), holiday=holidays_of("AU-NSW"))

    assert on(saturdays, "2026-04-25") == Slot(date(2026, 4, 25), skipped="ANZAC Day", cause="holiday")
    assert on(saturdays, "2026-04-18").skipped is None
    assert on(saturdays, "2026-05-02").skipped is None


@pytest.mark.parametrize(
    ("region", "day", "name"),
    [
        ("AU-NSW", date(2026, 4, 3), "Good Friday"),
        ("AU-NSW", date(2026, 10, 5), "Labour Day"),
        ("AU-VIC", date(2026, 10, 5), None),
        ("AU-WA", date(2026, 9, 28), "King's Birthday"),
        ("AU-NSW", date(2026, 9, 28), None),
        ("US-NY", date(2026, 7, 4), "Independence Day"),
        ("US", date(2026, 7, 4), "Independence Day"),
        ("AU-NSW", date(2026, 7, 4), None),
    ],
)
def test_public_holidays_are_those_of_the_region(region: str, day: date, name: str | None) -> None:
    assert public_holiday(region, day) == name


@pytest.mark.parametrize(
    ("region", "name"), [("AU", "Labour Day"), ("US-NY", "Labor Day"), ("DE", "Labor Day"), ("NZ", "Labour Day")]
)
def test_holidays_are_named_in_the_countrys_own_english_if_it_has_one(region: str, name: str) -> None:
    year = [date(2026, 1, 1) + n * DAY for n in range(365)]

    regions = [f"AU-{state}" for state in ("NSW", "VIC", "QLD")] if region == "AU" else [region]
    assert name in {public_holiday(each, day) for each in regions for day in year}


def test_a_region_that_nobody_knows_is_an_error_and_not_a_year_without_holidays() -> None:
    with pytest.raises(NotImplementedError):
        public_holiday("XX-YY", date(2026, 4, 25))


def test_a_game_that_runs_on_holidays_is_never_skipped_for_one() -> None:
    assert on(schedule(), "2026-04-25").skipped is None


ALL_AT_ONCE: list[tuple[Sequence[str], str, str]] = [
    (("excluded", "closures", "holiday"), "excluded: cup final", "exception"),
    (("excluded", "closures"), "excluded: cup final", "exception"),
    (("excluded", "holiday"), "excluded: cup final", "exception"),
    (("closures", "holiday"), "closed: renovation", "closure"),
    (("holiday",), "ANZAC Day", "holiday"),
]


@pytest.mark.parametrize(("reasons", "skipped", "cause"), ALL_AT_ONCE)
def test_of_several_reasons_the_one_nearest_to_the_game_is_given(
    reasons: Sequence[str], skipped: str, cause: str
) -> None:
    """The exception is the game's own, the closure its venue's, the holiday its region's."""
    anzac_day = date(2026, 4, 25)
    every: dict[str, Any] = {
        "excluded": {anzac_day: "cup final"},
        "closures": (Closed(anzac_day, anzac_day, "renovation"),),
        "holiday": holidays_of("AU-NSW"),
    }
    slot = on(schedule(**{name: every[name] for name in reasons}), "2026-04-25")

    assert slot == Slot(anzac_day, skipped=skipped, cause=cause)


def test_of_two_closures_of_one_date_the_first_is_named() -> None:
    closed = (
        Closed(date(2026, 3, 1), date(2026, 3, 12), "renovation"),
        Closed(date(2026, 3, 12), date(2026, 3, 20), "flood"),
    )

    assert on(thursdays(closures=closed), "2026-03-12").skipped == "closed: renovation"
