"""Plans, without a database: what is done to nights, and what holds of any plan whatever the rule and the zone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.recurrence import WEEKDAYS, Rule
from events.sessions import planning
from events.sessions.planning import Facts, Night, Plan, Refused, Upkeep, plan
from events.slots import Closed, Schedule, localise

ZONES = ["Australia/Sydney", "Australia/Lord_Howe", "America/New_York", "Europe/London", "Pacific/Apia", "Asia/Beirut"]
DAY = timedelta(1)

#: Days on which the clocks of one of the zones change, and quiet ones.
TODAYS = [
    date(2026, 3, 6),
    date(2026, 3, 27),
    date(2026, 4, 3),
    date(2026, 10, 2),
    date(2026, 10, 23),
    date(2026, 7, 1),
]


@st.composite
def schedules(draw: st.DrawFn, today: date) -> Schedule:
    near = st.integers(-40, 40).map(lambda n: today + timedelta(n))
    recurrence = draw(st.sampled_from(["once", "daily", "weekly", "monthly", "yearly"]))
    rule = Rule(
        recurrence,
        draw(near),
        interval=1 if recurrence == "once" else draw(st.integers(1, 3)),
        weekdays=tuple(draw(st.sets(st.sampled_from(WEEKDAYS)))) if recurrence in ("daily", "weekly") else (),
    )
    reasons = st.dictionaries(near, st.sampled_from(["", "staff party"]), max_size=3)
    closures = [
        Closed(day, day + timedelta(n), "works")
        for day, n in draw(st.lists(st.tuples(near, st.integers(0, 5)), max_size=2))
    ]
    holidays = draw(st.sets(near, max_size=2))
    return Schedule(
        rule,
        draw(st.sampled_from([time(0), time(2, 30), time(19), time(23, 59)])),
        timedelta(hours=draw(st.integers(1, 24))),
        ZoneInfo(draw(st.sampled_from(ZONES))),
        excluded=draw(reasons),
        added=draw(reasons),
        closures=tuple(closures),
        holiday=lambda day: "Show Day" if day in holidays else None,
    )


@st.composite
def situations(draw: st.DrawFn) -> tuple[Facts, list[Night], datetime]:
    """A game as an edit finds it: nights of the rule that it had before, some of them changed by hand."""
    today = draw(st.sampled_from(TODAYS))
    before, after = draw(schedules(today)), draw(schedules(today))
    now = datetime.combine(today, draw(st.times()), after.zone).astimezone(UTC)
    today = now.astimezone(after.zone).date()
    nights = [draw(by_hand(night)) for night in as_planned(before, today, now)]
    through = draw(st.none() | st.integers(-3, 20).map(lambda n: today + timedelta(n)))
    facts = Facts(
        1,
        after,
        window(today, draw(st.integers(0, 30))),
        taken=frozenset(night.slot_date for night in nights),
        through=through,
        upkeep=draw(st.sampled_from(Upkeep)),
        anew=True,
        stale=draw(st.booleans()),
    )
    return facts, [night for night in nights if night.starts_at > now], now


def as_planned(schedule: Schedule, today: date, now: datetime) -> list[Night]:
    facts = Facts(1, schedule, window(today, 20))
    return applied(plan(facts, [], now), [])


@st.composite
def by_hand(draw: st.DrawFn, night: Night) -> Night:
    later = timedelta(minutes=draw(st.integers(1, 600)))
    untouched: dict[str, Any] = {}
    moved = {"starts_at": night.starts_at + later, "ends_at": night.ends_at + later, "edited": True}
    if draw(st.booleans()):  # by this release, which notes what was said
        moved = planning.move(night, night.starts_at + later, None, ZoneInfo(night.timezone), night.starts_at - DAY)
    cancelled = {"status": "cancelled", "cancelled_by": "staff", "cancel_reason": "dealer ill"}
    closed = {"status": "cancelled", "cancelled_by": "closure", "cancel_reason": "closed: works"}
    return replace(night, **draw(st.sampled_from([untouched, untouched, moved, cancelled, closed])))


def window(first: date, more: int) -> list[date]:
    return [first + timedelta(n) for n in range(more + 1)]


def applied(made: Plan, nights: Sequence[Night]) -> list[Night]:
    """The nights that a plan leaves behind."""
    ids = count(max((night.id for night in nights), default=0) + 1)
    removed = {night.id for night in made.remove}
    values = {update.night.id: update.values for update in made.update}
    kept = [replace(night, **values.get(night.id, {})) for night in nights if night.id not in removed]
    added = [
        Night(next(ids), s.date, s.starts_at, s.ends_at, made.zone) for s in made.insert if s.starts_at and s.ends_at
    ]
    return sorted([*kept, *added], key=lambda night: night.slot_date)


def noted(facts: Facts, made: Plan) -> Facts:
    """The facts once a plan is written, but for the dates that are taken."""
    return replace(facts, through=made.noted.through if made.noted else facts.through, stale=False)


# --- What holds of any plan ---------------------------------------------------------------------------------


@given(situations())
def test_the_plan_of_what_a_plan_made_is_empty(situation: tuple[Facts, list[Night], datetime]) -> None:
    facts, nights, now = situation
    made = plan(facts, nights, now)
    after = applied(made, nights)
    begun = facts.taken - {night.slot_date for night in nights}
    taken = begun | {night.slot_date for night in after}

    again = plan(replace(noted(facts, made), taken=taken), [night for night in after if night.starts_at > now], now)

    assert (again.insert, again.update, again.remove, again.noted) == ([], [], [], None)


@given(situations())
def test_after_an_edit_each_date_of_the_rule_has_its_night_and_untouched_nights_are_where_the_rule_has_them(
    situation: tuple[Facts, list[Night], datetime],
) -> None:
    facts, nights, now = situation
    after = applied(plan(facts, nights, now), nights)

    slots = {slot.date: slot for slot in facts.schedule.slots(facts.days[0], max([facts.days[-1], *facts.taken]))}
    for night in after:
        if night.by_hand:
            continue
        assert facts.upkeep is not Upkeep.CLEARED or night.slot_date not in {each.slot_date for each in nights}
        slot = slots[night.slot_date]
        if slot.skipped:
            assert (night.status, night.cancel_reason) == ("cancelled", slot.skipped)
        elif slot.starts_at and slot.starts_at > now:
            assert (night.status, night.starts_at, night.ends_at) == ("scheduled", slot.starts_at, slot.ends_at)
    if facts.upkeep is Upkeep.FULL:
        dates = {night.slot_date for night in after} | facts.taken
        assert {day for day in facts.days if day in slots and not slots[day].skipped} <= dates


@given(situations())
def test_what_was_done_by_hand_stays_at_its_hour_of_the_venues_clock(
    situation: tuple[Facts, list[Night], datetime],
) -> None:
    facts, nights, now = situation
    after = {night.id: night for night in applied(plan(facts, nights, now), nights)}

    for night in nights:
        if night.by_hand:
            became = after[night.id]
            assert became.ends_at - became.starts_at == night.ends_at - night.starts_at
            said = night.starts_at.astimezone(ZoneInfo(night.timezone))
            there, _ = localise(said.date(), said.time(), facts.schedule.zone)
            if night.edited and night.timezone != facts.schedule.zone.key and there and there > now:
                assert became.starts_at in (there, night.starts_at)
                assert became.starts_at.astimezone(facts.schedule.zone).replace(tzinfo=None) in (
                    said.replace(tzinfo=None),
                    there.astimezone(facts.schedule.zone).replace(tzinfo=None),  # moved out of a gap
                )
            else:
                assert became.starts_at == night.starts_at
            times: dict[str, Any] = {"starts_at": NOW, "ends_at": NOW, "timezone": ""}
            times |= {"moved_date": None, "moved_time": None, "off_rule": False, "sequence": 0}
            assert replace(became, **times) == replace(night, **times)


@given(situations())
def test_each_night_that_changes_takes_the_next_sequence(situation: tuple[Facts, list[Night], datetime]) -> None:
    facts, nights, now = situation

    for update in plan(facts, nights, now).update:
        assert all(getattr(update.night, name) != value for name, value in update.values.items())
        noted = set(update.values) <= {"off_rule", "moved_date", "moved_time"}
        assert update.values.get("sequence", 0) == (0 if noted else update.night.sequence + 1)


@given(st.data(), st.sampled_from(TODAYS), st.integers(0, 40), st.integers(0, 40))
def test_a_window_cut_anywhere_joins_up(data: st.DataObject, today: date, one: int, more: int) -> None:
    schedule = data.draw(schedules(today))
    now = datetime.combine(today, time(12), schedule.zone).astimezone(UTC)
    cut, last = today + timedelta(one), today + timedelta(one + more)
    facts = Facts(1, schedule, window(today, one + more))

    whole = plan(facts, [], now)
    first = plan(replace(facts, days=window(today, one)), [], now)
    through = first.noted.through if first.noted else None
    second = plan(replace(facts, days=window(cut + DAY, more - 1), through=through), [], now) if more else first

    parts = [first, second] if more else [first]
    assert whole.insert == [slot for part in parts for slot in part.insert]
    assert whole.noted == second.noted
    assert whole.noted
    assert whole.noted.through == last


@given(st.data(), st.sampled_from(TODAYS))
def test_generation_touches_no_night_and_writes_no_date_twice(data: st.DataObject, today: date) -> None:
    schedule = data.draw(schedules(today))
    days = window(today, 20)
    taken = frozenset(data.draw(st.sets(st.sampled_from(days))))

    made = plan(Facts(1, schedule, days, taken=taken), [], datetime.combine(today, time(12), UTC))

    assert not made.update
    assert not made.remove
    dates = [slot.date for slot in made.insert]
    assert dates == sorted(set(dates) - taken)
    for slot in made.insert:
        assert slot.starts_at == localise(slot.date, schedule.start_time, schedule.zone)[0]


# --- One at a time ------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)
SYDNEY = ZoneInfo("Australia/Sydney")
NIGHT = Night(7, date(2026, 3, 12), NOW + timedelta(days=2), NOW + timedelta(days=2, hours=4), "Australia/Sydney")
SCHEDULE = Schedule(Rule("daily", date(2026, 1, 1)), time(19), timedelta(hours=4), SYDNEY)


def test_a_plan_for_a_game_that_is_not_kept_full_adds_nothing_and_notes_nothing() -> None:
    made = plan(Facts(1, SCHEDULE, window(date(2026, 3, 10), 3), upkeep=Upkeep.KEPT, stale=True), [], NOW)

    assert (made.insert, made.noted) == ([], None)


def test_dates_beyond_the_window_are_written_and_do_not_count_as_settled() -> None:
    far = date(2027, 1, 1)
    schedule = replace(SCHEDULE, rule=Rule("once", far))

    made = plan(Facts(1, schedule, window(date(2026, 3, 10), 3), beyond=[far], anew=True), [], NOW)

    assert [slot.date for slot in made.insert] == [far]
    assert made.noted
    assert made.noted.through == date(2026, 3, 13)


@pytest.mark.parametrize(
    "act",
    [
        lambda night, now: planning.cancel(night, "", now),
        lambda night, now: planning.restore(night, None, SYDNEY, now),
        lambda night, now: planning.move(night, now + DAY, None, SYDNEY, now),
        lambda night, now: planning.note(night, "", now),
    ],
)
def test_a_night_is_over_at_its_end_and_not_before(act: object) -> None:
    assert callable(act)
    act(NIGHT, NIGHT.ends_at - timedelta(microseconds=1))
    with pytest.raises(Refused, match="over"):
        act(NIGHT, NIGHT.ends_at)


def test_a_night_is_moved_to_the_future_alone() -> None:
    with pytest.raises(Refused, match="in the past"):
        planning.move(NIGHT, NOW, None, SYDNEY, NOW)

    assert planning.move(NIGHT, NOW + timedelta(microseconds=1), None, SYDNEY, NOW)["starts_at"] > NOW
