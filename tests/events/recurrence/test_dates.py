"""Recurrence against two oracles that share none of its code: python-dateutil, and a look at every day."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from types import FrameType
from typing import Any

import pytest
from dateutil import rrule as dateutil_rrule
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from events.recurrence import WEEKDAYS, Rule, RuleError, check, dates, last_date, rrule

DAY = timedelta(days=1)


# The first oracle: does this rule name this day?


def names(rule: Rule, day: date) -> bool:
    if day < rule.start_date or (rule.end_date is not None and day > rule.end_date):
        return False
    in_turn: dict[str, Callable[[Rule, date], bool]] = {
        "once": names_once,
        "daily": names_daily,
        "weekly": names_weekly,
        "monthly": names_monthly,
        "yearly": names_yearly,
    }
    return in_turn[rule.recurrence](rule, day)


def names_once(rule: Rule, day: date) -> bool:
    return day == rule.start_date


def names_daily(rule: Rule, day: date) -> bool:
    in_turn = (day - rule.start_date).days % rule.interval == 0
    return in_turn and (not rule.weekdays or weekday_name(day) in rule.weekdays)


def names_weekly(rule: Rule, day: date) -> bool:
    weeks_apart = (monday_of(day) - monday_of(rule.start_date)).days // 7
    return weeks_apart % rule.interval == 0 and (
        weekday_name(day) in (rule.weekdays or (weekday_name(rule.start_date),))
    )


def names_monthly(rule: Rule, day: date) -> bool:
    start = rule.start_date
    months_apart = (day.year - start.year) * 12 + day.month - start.month
    if months_apart % rule.interval:
        return False
    if rule.nth is None:
        return is_day_of_month(day, rule.month_day or start.day, rule.month_end)
    if weekday_name(day) not in rule.weekdays:
        return False
    if rule.nth == -1:
        return (day + 7 * DAY).month != day.month
    return 7 * (rule.nth - 1) < day.day <= 7 * rule.nth


def names_yearly(rule: Rule, day: date) -> bool:
    start = rule.start_date
    in_turn = (day.year - start.year) % rule.interval == 0 and day.month == start.month
    return in_turn and is_day_of_month(day, start.day, rule.month_end)


def is_day_of_month(day: date, wanted: int, month_end: str) -> bool:
    stands_in = month_end == "clamp" and day.day < wanted and (day + DAY).day == 1
    return day.day == wanted or stands_in


def weekday_name(day: date) -> str:
    return ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][day.isoweekday() - 1]


def monday_of(day: date) -> date:
    return day - (day.isoweekday() - 1) * DAY


def each_day(first: date, last: date) -> Iterator[date]:
    return (first + n * DAY for n in range((last - first).days + 1))


def brute_force(rule: Rule, first: date, last: date) -> list[date]:
    return [day for day in each_day(first, last) if names(rule, day)]


# The second oracle: python-dateutil, told in its own words. A clamped day is the earlier of the day and the
# month's last, where the code under test writes the last of several candidates.


def dateutil_says(rule: Rule, first: date, last: date) -> list[date]:
    arguments: dict[str, Any] = {"interval": rule.interval, "wkst": dateutil_rrule.MO}
    days = [getattr(dateutil_rrule, name[:2].upper()) for name in rule.weekdays]
    if rule.nth is not None:
        arguments["byweekday"] = days[0](rule.nth)
    elif days:
        arguments["byweekday"] = days
    wanted = rule.month_day or rule.start_date.day
    if rule.recurrence in ("monthly", "yearly") and rule.nth is None:
        arguments["bymonthday"] = wanted
        if wanted > 28 and rule.month_end == "clamp":
            arguments |= {"bymonthday": (wanted, -1), "bysetpos": 1}
    if rule.recurrence == "yearly":
        arguments["bymonth"] = rule.start_date.month
    frequency = getattr(dateutil_rrule, rule.recurrence.upper())
    theirs = dateutil_rrule.rrule(frequency, dtstart=midnight(rule.start_date), **arguments)
    return [day for day in between(theirs, first, last) if rule.end_date is None or day <= rule.end_date]


def between(recurrence: dateutil_rrule.rrule, first: date, last: date) -> list[date]:
    return [moment.date() for moment in recurrence.between(midnight(first), midnight(last), inc=True)]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


# What is drawn: any rule that check() accepts, with a taste for the days on which rules go wrong.

START_DATES = st.one_of(
    st.dates(date(1999, 1, 1), date(2105, 12, 31)),
    st.builds(
        lambda year, month: date(year, month, 1) - DAY,
        st.sampled_from([1896, 1900, 1904, 2000, 2023, 2024, 2025, 2096, 2100]),
        st.integers(1, 12),
    ),
    st.builds(date, st.sampled_from([1896, 2000, 2024, 2096]), st.just(2), st.just(29)),
)
WEEKDAY_SETS = st.lists(st.sampled_from(WEEKDAYS), unique=True).map(tuple)
MONTH_DAYS = st.one_of(st.integers(1, 31), st.integers(28, 31))
MONTH_ENDS = st.sampled_from(["clamp", "skip"])
INTERVALS = st.one_of(st.just(1), st.integers(1, 15))
FIELDS_BY_RECURRENCE: list[dict[str, Any]] = [
    {"recurrence": st.just("daily"), "weekdays": WEEKDAY_SETS},
    {"recurrence": st.just("weekly"), "weekdays": WEEKDAY_SETS},
    {
        "recurrence": st.just("monthly"),
        "month_day": st.none() | MONTH_DAYS,
        "month_end": MONTH_ENDS,
    },
    {
        "recurrence": st.just("monthly"),
        "nth": st.sampled_from([1, 2, 3, 4, -1]),
        "weekdays": st.sampled_from(WEEKDAYS).map(lambda name: (name,)),
    },
    {"recurrence": st.just("yearly"), "month_end": MONTH_ENDS},
]
ENDLESS_RULES = st.one_of(
    [st.builds(Rule, start_date=START_DATES, interval=INTERVALS, **by) for by in FIELDS_BY_RECURRENCE]
)
RULES = st.one_of(
    ENDLESS_RULES,
    st.builds(
        lambda rule, days: replace(rule, end_date=rule.start_date + days * DAY),
        ENDLESS_RULES,
        st.integers(0, 2000),
    ),
    st.builds(Rule, recurrence=st.just("once"), start_date=START_DATES),
)


@st.composite
def windows(draw: st.DrawFn, rules: st.SearchStrategy[Rule]) -> tuple[Rule, date, date]:
    rule = draw(rules)
    opens = draw(st.integers(-60, 60) | st.integers(-60, 5000))
    length = draw(st.integers(0, 1500))
    first = rule.start_date + opens * DAY
    return rule, first, first + length * DAY


def goes_on_after(rule: Rule, day: date) -> bool:
    """Whether another date comes soon. Without one, dateutil searches every year up to 9999."""
    return any(names(rule, later) for later in each_day(day + DAY, day + 4000 * DAY))


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None)


# Properties


@examples(700)
@given(windows(RULES))
def test_dates_are_the_days_that_a_search_of_every_day_finds(window: tuple[Rule, date, date]) -> None:
    rule, first, last = window
    assert dates(rule, first, last) == brute_force(rule, first, last)


@examples(500)
@given(windows(ENDLESS_RULES))
def test_dates_are_those_that_dateutil_names(window: tuple[Rule, date, date]) -> None:
    rule, first, last = window
    assume(goes_on_after(rule, max(last, rule.start_date)))
    assert dates(rule, first, last) == dateutil_says(rule, first, last)


@examples(500)
@given(windows(ENDLESS_RULES))
@example((Rule("monthly", date(2023, 1, 31)), date(2023, 1, 1), date(2024, 12, 31)))
@example((Rule("monthly", date(2023, 1, 30), month_end="skip"), date(2023, 1, 1), date(2024, 12, 31)))
@example((Rule("yearly", date(2096, 2, 29)), date(2096, 1, 1), date(2108, 12, 31)))
@example((Rule("yearly", date(2096, 2, 29), month_end="skip"), date(2096, 1, 1), date(2108, 12, 31)))
def test_the_rrule_text_names_the_same_dates_to_dateutil(window: tuple[Rule, date, date]) -> None:
    rule, first, last = window
    assume(goes_on_after(rule, max(last, rule.start_date)))
    parsed = dateutil_rrule.rrulestr(rrule(rule), dtstart=midnight(rule.start_date))
    assert dates(rule, first, last) == between(parsed, first, last)


@examples(200)
@given(ENDLESS_RULES, st.integers(1, 30))
def test_a_counted_rrule_text_ends_on_the_last_date(rule: Rule, count: int) -> None:
    assume(goes_on_after(rule, rule.start_date))
    parsed = dateutil_rrule.rrulestr(rrule(rule, count), dtstart=midnight(rule.start_date))
    assert [moment.date() for moment in parsed][-1] == last_date(rule, count)


@examples(300)
@given(windows(RULES), st.lists(st.integers(0, 1500)))
def test_windows_cut_anywhere_join_up_to_the_whole(window: tuple[Rule, date, date], cuts: list[int]) -> None:
    rule, first, last = window
    opens = [first, *sorted(first + cut * DAY for cut in cuts if first + cut * DAY <= last)]
    closes = [*(day - DAY for day in opens[1:]), last]
    pieces = [dates(rule, *piece) for piece in zip(opens, closes, strict=True)]
    assert list(chain.from_iterable(pieces)) == dates(rule, first, last)


@examples(300)
@given(RULES, st.integers(1, 40))
def test_the_last_date_is_the_count_th_that_a_search_of_every_day_finds(rule: Rule, count: int) -> None:
    far = rule.end_date or rule.start_date + 6000 * DAY
    named = (day for day in each_day(rule.start_date, far) if names(rule, day))
    found = next(islice(named, count - 1, None), None)
    ours = last_date(rule, count)
    if found is None and rule.end_date is None:
        assert ours is None or ours > far
    else:
        assert ours == found


@examples(200)
@given(RULES)
def test_every_rule_drawn_here_passes_the_check(rule: Rule) -> None:
    check(rule)


# Defaults


@examples(100)
@given(START_DATES, INTERVALS)
def test_what_a_rule_leaves_out_is_taken_from_its_start_date(start: date, interval: int) -> None:
    def the_next_years(**fields: Any) -> list[date]:
        return dates(Rule(start_date=start, interval=interval, **fields), start, start + 1500 * DAY)

    weekday = weekday_name(start)
    assert the_next_years(recurrence="weekly") == the_next_years(recurrence="weekly", weekdays=(weekday,))
    assert the_next_years(recurrence="monthly") == the_next_years(recurrence="monthly", month_day=start.day)
    assert the_next_years(recurrence="yearly")[0] == the_next_years(recurrence="weekly")[0] == start


def test_a_rule_left_plain_comes_every_time_and_has_no_end() -> None:
    assert dates(Rule("daily", date(2026, 1, 30)), date(2026, 1, 1), date(2026, 2, 2)) == (
        days("2026-01-30 2026-01-31 2026-02-01 2026-02-02")
    )


# Stories


def days(text: str) -> list[date]:
    return [date.fromisoformat(word) for word in text.split()]


def first_dates(rule: Rule, number: int) -> list[date]:
    return dates(rule, rule.start_date, rule.start_date + 4000 * DAY)[:number]


def test_a_single_game_is_on_its_start_date_and_on_no_other() -> None:
    rule = Rule("once", date(2026, 5, 4))
    assert dates(rule, date.min, date.max) == [date(2026, 5, 4)]
    assert dates(rule, date(2026, 5, 5), date.max) == []
    assert (last_date(rule, 1), last_date(rule, 2)) == (date(2026, 5, 4), None)


def test_a_fortnight_keeps_its_week_across_year_ends() -> None:
    rule = Rule("weekly", date(2026, 12, 17), interval=2)
    assert first_dates(rule, 3) == days("2026-12-17 2026-12-31 2027-01-14")
    assert dates(rule, date(2032, 12, 20), date(2033, 1, 20)) == days("2032-12-23 2033-01-06 2033-01-20")


def test_a_fortnight_is_counted_from_the_monday_week_of_its_start() -> None:
    rule = Rule("weekly", date(2026, 1, 7), interval=2, weekdays=("sun", "mon", "thu"))
    assert weekday_name(rule.start_date) == "wed"
    assert first_dates(rule, 5) == days("2026-01-08 2026-01-11 2026-01-19 2026-01-22 2026-01-25")


def test_every_third_day_on_weekends_only_counts_days_before_it_looks_at_weekdays() -> None:
    rule = Rule("daily", date(2026, 1, 1), interval=3, weekdays=("sat", "sun"))
    assert first_dates(rule, 4) == days("2026-01-04 2026-01-10 2026-01-25 2026-01-31")


def test_the_31st_falls_back_to_the_28th_and_returns_to_the_31st() -> None:
    rule = Rule("monthly", date(2026, 1, 31))
    assert first_dates(rule, 5) == days("2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31")
    assert dates(rule, date(2028, 2, 1), date(2028, 3, 31)) == days("2028-02-29 2028-03-31")


def test_the_31st_can_skip_the_months_that_lack_it() -> None:
    rule = Rule("monthly", date(2026, 1, 31), month_end="skip")
    assert first_dates(rule, 4) == days("2026-01-31 2026-03-31 2026-05-31 2026-07-31")


def test_a_day_of_the_month_before_the_start_waits_for_the_next_turn() -> None:
    rule = Rule("monthly", date(2026, 1, 20), interval=3, month_day=10)
    assert first_dates(rule, 2) == days("2026-04-10 2026-07-10")


def test_the_last_friday_is_the_fourth_or_the_fifth() -> None:
    rule = Rule("monthly", date(2026, 1, 1), nth=-1, weekdays=("fri",))
    assert first_dates(rule, 5) == days("2026-01-30 2026-02-27 2026-03-27 2026-04-24 2026-05-29")


def test_the_29th_of_february_moves_to_the_28th_in_common_years() -> None:
    rule = Rule("yearly", date(1896, 2, 29))
    assert first_dates(rule, 5) == days("1896-02-29 1897-02-28 1898-02-28 1899-02-28 1900-02-28")
    assert dates(rule, date(2000, 1, 1), date(2000, 12, 31)) == days("2000-02-29")
    assert dates(rule, date(2100, 1, 1), date(2100, 12, 31)) == days("2100-02-28")


def test_the_29th_of_february_can_wait_for_leap_years_of_which_1900_and_2100_are_none() -> None:
    rule = Rule("yearly", date(1896, 2, 29), month_end="skip")
    assert first_dates(rule, 2) == days("1896-02-29 1904-02-29")
    assert dates(rule, date(1999, 1, 1), date(2000, 12, 31)) == days("2000-02-29")
    assert dates(rule, date(2096, 1, 1), date(2104, 12, 31)) == days("2096-02-29 2104-02-29")


def test_an_end_date_is_itself_named() -> None:
    rule = Rule("weekly", date(2026, 1, 1), end_date=date(2026, 1, 15))
    assert dates(rule, date.min, date.max) == days("2026-01-01 2026-01-08 2026-01-15")
    assert (last_date(rule, 3), last_date(rule, 4)) == (date(2026, 1, 15), None)


@pytest.mark.parametrize("recurrence", ["once", "daily", "weekly", "monthly", "yearly"])
def test_a_window_that_ends_before_it_begins_is_empty(recurrence: str) -> None:
    rule = Rule(recurrence, date(2026, 1, 1))
    assert dates(rule, date(2026, 1, 1), date(2025, 12, 31)) == []
    assert dates(rule, date.max, date.min) == []


# The ends of the calendar


@pytest.mark.parametrize(
    ("rule", "final"),
    [
        (Rule("daily", date.min, interval=9), "9999-12-29"),
        (Rule("daily", date(9999, 12, 31), weekdays=("fri",)), "9999-12-31"),
        (Rule("weekly", date.min, weekdays=("mon", "fri")), "9999-12-31"),
        (Rule("weekly", date(9999, 12, 27), weekdays=("sat", "sun")), None),
        (Rule("monthly", date.min, month_day=31), "9999-12-31"),
        (Rule("monthly", date.min, nth=-1, weekdays=("sun",)), "9999-12-26"),
        (Rule("yearly", date(1, 12, 31)), "9999-12-31"),
        (Rule("yearly", date(9996, 2, 29), month_end="skip"), "9996-02-29"),
    ],
)
def test_rules_reach_the_last_day_of_the_calendar_and_no_further(rule: Rule, final: str | None) -> None:
    named = dates(rule, date(9990, 1, 1), date.max)
    assert named[-1:] == ([] if final is None else days(final))


@pytest.mark.parametrize("recurrence", ["daily", "weekly", "monthly", "yearly"])
def test_an_interval_beyond_the_calendar_names_the_start_alone(recurrence: str) -> None:
    rule = Rule(recurrence, date(2026, 1, 1), interval=10**12)
    assert dates(rule, date.min, date.max) == [date(2026, 1, 1)]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("daily", date(2026, 1, 5), interval=7, weekdays=("tue",)),
        Rule("monthly", date(2026, 2, 1), interval=12, month_day=31, month_end="skip"),
        Rule("monthly", date(2026, 4, 1), interval=24, month_day=31, month_end="skip"),
        Rule("monthly", date(2027, 2, 1), interval=24, month_day=29, month_end="skip"),
    ],
)
def test_a_rule_that_never_comes_true_is_legal_and_names_nothing(rule: Rule) -> None:
    check(rule)
    assert dates(rule, date.min, date.max) == []
    assert last_date(rule, 1) is None
    assert steps_of(lambda: last_date(rule, 10_000)) < 2_000_000


# Cost, in interpreter instructions, which no busy machine can change


def steps_of(call: Callable[[], object]) -> int:
    steps = 0

    def count_instructions(frame: FrameType, event: str, _: object) -> Any:
        nonlocal steps
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps += event == "opcode"
        return count_instructions

    before = sys.gettrace()
    sys.settrace(count_instructions)
    try:
        call()
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize(
    "fields",
    [
        {"recurrence": "daily"},
        {"recurrence": "daily", "interval": 3, "weekdays": ("sat", "sun")},
        {"recurrence": "weekly", "interval": 2, "weekdays": ("mon", "thu")},
        {"recurrence": "monthly", "month_day": 31},
        {"recurrence": "monthly", "month_day": 31, "month_end": "skip"},
        {"recurrence": "monthly", "nth": -1, "weekdays": ("fri",)},
        {"recurrence": "yearly"},
    ],
    ids=str,
)
def test_a_rule_two_thousand_years_old_costs_no_more_than_a_young_one(fields: dict[str, Any]) -> None:
    def steps_for_four_weeks(start: date) -> int:
        return steps_of(lambda: dates(Rule(start_date=start, **fields), date(2026, 3, 4), date(2026, 3, 31)))

    young, old = steps_for_four_weeks(date(2026, 1, 1)), steps_for_four_weeks(date(1, 1, 1))
    assert 0 < old < 1.5 * young + 100


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("daily", date(2026, 1, 1)), date(2026, 1, 1) + 9_999 * DAY),
        (Rule("daily", date(2026, 1, 1), interval=3, weekdays=("thu",)), date(2026, 1, 1) + 21 * 9_999 * DAY),
        (Rule("weekly", date(2026, 1, 1), interval=2), date(2026, 1, 1) + 14 * 9_999 * DAY),
        (Rule("monthly", date(2026, 1, 31)), date(2859, 4, 30)),
        (Rule("monthly", date(2026, 1, 31), month_end="skip"), date(3454, 7, 31)),
        (Rule("monthly", date(2026, 1, 31), interval=12), None),
        (Rule("yearly", date(2024, 2, 29), month_end="skip"), None),
    ],
)
def test_the_ten_thousandth_date_needs_no_search_of_every_day(rule: Rule, expected: date | None) -> None:
    assert last_date(rule, 10_000) == expected
    assert steps_of(lambda: last_date(rule, 10_000)) < 400 * 10_000


# The text of a rule


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Rule("once", date(2026, 11, 26)), ""),
        (Rule("daily", date(2026, 11, 26)), "FREQ=DAILY"),
        (Rule("daily", date(2026, 11, 26), weekdays=("sun", "sat")), "FREQ=DAILY;BYDAY=SA,SU"),
        (Rule("weekly", date(2026, 11, 26), interval=2), "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH;WKST=MO"),
        (Rule("monthly", date(2026, 11, 26)), "FREQ=MONTHLY;BYMONTHDAY=26"),
        (Rule("monthly", date(2026, 1, 31)), "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
        (Rule("monthly", date(2026, 1, 31), month_end="skip"), "FREQ=MONTHLY;BYMONTHDAY=31"),
        (Rule("monthly", date(2026, 1, 31), nth=-1, weekdays=("fri",)), "FREQ=MONTHLY;BYDAY=-1FR"),
        (Rule("yearly", date(2026, 1, 31)), "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=31"),
        (Rule("yearly", date(2024, 2, 29)), "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"),
        (Rule("yearly", date(2024, 2, 29), month_end="skip"), "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
    ],
)
def test_the_rrule_text_is_the_shortest_that_says_it_all(rule: Rule, text: str) -> None:
    assert rrule(rule) == text


def test_the_rrule_text_ends_by_count_or_by_an_until_used_as_given() -> None:
    rule = Rule("daily", date(2026, 11, 26), end_date=date(2026, 12, 1))
    assert rrule(rule) == "FREQ=DAILY"
    assert rrule(rule, until="20261201T080000Z") == "FREQ=DAILY;UNTIL=20261201T080000Z"
    assert rrule(replace(rule, end_date=None), count=10) == "FREQ=DAILY;COUNT=10"


# What check() refuses


@pytest.mark.parametrize(
    ("field", "fix", "fields"),
    [
        ("recurrence", "use once, daily, weekly, monthly, yearly", {"recurrence": "hourly"}),
        ("interval", "use 1 or more", {"interval": 0}),
        ("interval", "use 1 or more", {"recurrence": "daily", "interval": -2}),
        ("interval", "leave it out", {"recurrence": "once", "interval": 2}),
        ("weekdays", "use mon, tue, wed, thu, fri, sat, sun", {"weekdays": ("mon", "friday")}),
        ("weekdays", "name each weekday once", {"weekdays": ("mon", "tue", "mon")}),
        ("weekdays", "leave it out", {"recurrence": "once", "weekdays": ("mon",)}),
        ("weekdays", "leave it out", {"recurrence": "yearly", "weekdays": ("mon",)}),
        ("weekdays", "choose which in the month", {"recurrence": "monthly", "weekdays": ("mon",)}),
        ("weekdays", "name one", {"recurrence": "monthly", "nth": 2}),
        ("weekdays", "name one", {"recurrence": "monthly", "nth": 2, "weekdays": ("mon", "tue")}),
        ("nth", "use 1 to 4, or -1", {"recurrence": "monthly", "nth": 6, "weekdays": ("mon",)}),
        ("nth", "use 1 to 4, or -1", {"recurrence": "monthly", "nth": 5, "weekdays": ("mon",)}),
        ("nth", "use 1 to 4, or -1", {"recurrence": "monthly", "nth": 0, "weekdays": ("mon",)}),
        (
            "nth",
            "leave one of them out",
            {"recurrence": "monthly", "nth": 1, "weekdays": ("mon",), "month_day": 1},
        ),
        ("nth", "leave it out", {"nth": 1, "weekdays": ("mon",)}),
        ("month_day", "use 1 to 31", {"recurrence": "monthly", "month_day": 32}),
        ("month_day", "use 1 to 31", {"recurrence": "monthly", "month_day": 0}),
        ("month_day", "leave it out", {"month_day": 3}),
        ("month_day", "leave it out", {"recurrence": "yearly", "month_day": 3}),
        ("month_end", "use clamp or skip", {"recurrence": "monthly", "month_end": "forward"}),
        ("month_end", "leave it out", {"recurrence": "daily", "month_end": "skip"}),
        ("end_date", "use 2026-01-05 or later", {"end_date": date(2026, 1, 4)}),
        ("end_date", "leave it out", {"recurrence": "once", "end_date": date(2026, 1, 6)}),
        ("count", "use 1 or more", {"count": 0}),
        ("count", "leave it out", {"recurrence": "once", "count": 1}),
        ("count", "leave one of them out", {"count": 3, "end_date": date(2026, 2, 1)}),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_by_field_and_with_the_fix(
    field: str, fix: str, fields: dict[str, Any]
) -> None:
    rule_fields: dict[str, Any] = {"recurrence": "weekly", "start_date": date(2026, 1, 5)} | fields
    count = rule_fields.pop("count", None)
    with pytest.raises(RuleError, match=fix) as refusal:
        check(Rule(**rule_fields), count)
    assert refusal.value.field == field


def test_a_count_of_one_and_an_end_on_the_start_date_are_accepted() -> None:
    check(Rule("weekly", date(2026, 1, 5)), count=1)
    check(Rule("weekly", date(2026, 1, 5), end_date=date(2026, 1, 5)))
