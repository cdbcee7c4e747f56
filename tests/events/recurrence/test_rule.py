"""What a rule leaves out, and takes from its start date."""

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from events.recurrence import Rule, dates
from tests.events.recurrence.oracles import DAY, days, weekday_name
from tests.events.recurrence.strategies import ENDLESS_RULES, INTERVALS, START_DATES, examples


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


@examples(200)
@given(ENDLESS_RULES, st.integers(1, 10))
def test_a_rule_begun_on_one_of_its_dates_names_the_same_dates_from_then_on(rule: Rule, number: int) -> None:
    the_next_years = dates(rule, rule.start_date, rule.start_date + 6000 * DAY)
    later = the_next_years[number:]
    if not later:
        return

    goes_on = rule.begun_on(later[0])

    if goes_on is None:
        assert (rule.recurrence, rule.start_date.month, rule.start_date.day) == ("yearly", 2, 29)
    else:
        assert dates(goes_on, rule.start_date, the_next_years[-1]) == later


def test_a_rule_begun_on_a_later_date_says_what_it_took_from_its_start_date() -> None:
    weekly = Rule("weekly", date(2026, 3, 5)).begun_on(date(2026, 3, 12))
    monthly = Rule("monthly", date(2026, 1, 31)).begun_on(date(2026, 2, 28))

    assert weekly == Rule("weekly", date(2026, 3, 12), weekdays=("thu",))
    assert monthly == Rule("monthly", date(2026, 2, 28), month_day=31)
