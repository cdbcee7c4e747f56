"""What check() refuses, and what it does not."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given

from events.recurrence import Rule, RuleError, check
from tests.events.recurrence.strategies import RULES, examples


@examples(200)
@given(RULES)
def test_every_rule_drawn_here_passes_the_check(rule: Rule) -> None:
    check(rule)


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
