"""What a rule leaves out."""

from datetime import date
from typing import Any

from hypothesis import given

from events.recurrence import Rule, dates
from tests.events.recurrence.oracles import DAY, days, weekday_name
from tests.events.recurrence.strategies import INTERVALS, START_DATES, examples


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
