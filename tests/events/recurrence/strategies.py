"""Rules and windows for property tests: any rule that check() accepts, often with the days on which rules go wrong."""

from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from events.recurrence import WEEKDAYS, Rule
from tests.events.recurrence.oracles import DAY

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


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None)
