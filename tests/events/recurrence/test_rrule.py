"""RRULE texts: read by python-dateutil, which shares none of the code that writes them."""

from dataclasses import replace
from datetime import date

import pytest
from dateutil import rrule as dateutil_rrule
from hypothesis import assume, example, given
from hypothesis import strategies as st

from events.recurrence import Rule, dates, last_date, rrule
from tests.events.recurrence.oracles import between, goes_on_after, midnight
from tests.events.recurrence.strategies import ENDLESS_RULES, examples, windows


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
