"""Dates against two oracles that share none of the code: python-dateutil, and a look at every day."""

import sys
from collections.abc import Callable
from datetime import date
from itertools import chain, islice
from types import FrameType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from events.recurrence import Rule, check, dates, last_date, rrule
from tests.events.recurrence.oracles import (
    DAY,
    brute_force,
    dateutil_says,
    days,
    each_day,
    goes_on_after,
    names,
    weekday_name,
)
from tests.events.recurrence.strategies import ENDLESS_RULES, RULES, examples, windows

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


# Stories


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


def test_a_kind_of_recurrence_that_nobody_has_written_is_an_error_and_not_some_other_kind() -> None:
    hourly = Rule("hourly", date(2026, 1, 1))

    with pytest.raises(ValueError, match="hourly"):
        dates(hourly, date(2026, 1, 1), date(2026, 12, 31))
    with pytest.raises(ValueError, match="hourly"):
        rrule(hourly)
