"""Changing a game from a date on: it ends the day before, and a copy with the changes goes on."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from events import recurrence, sessions
from events.models import Game, GameDate
from tests.events.league import NOW, TODAY, dates, full_game, march, rows, session_on, sydney
from tests.factories import make_venue

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _horizon(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 28


def split(game: Game, day: str, **edits: Any) -> Game:
    return sessions.split(game.pk, march(day), edits, now=NOW)


def named(game: Game, years: int = 2) -> list[date]:
    return recurrence.dates(game.rule, TODAY, TODAY + timedelta(365 * years))


def test_the_game_ends_the_day_before_and_the_copy_starts_with_the_change() -> None:
    game = full_game(notes="Bring a friend", buy_in=Decimal(50))

    copy = split(game, "03-26", start_time=time(19, 30))

    game.refresh_from_db()
    assert (game.end_date, game.last_date, game.start_time) == (march("03-25"), march("03-25"), time(19))
    assert dates(game) == ["03-12", "03-19"]
    copy.refresh_from_db()
    assert (copy.start_date, copy.end_date, copy.start_time) == (march("03-26"), None, time(19, 30))
    assert (copy.notes, copy.buy_in, copy.venue, copy.status) == ("Bring a friend", Decimal(50), game.venue, "active")
    assert dates(copy) == ["03-26", "04-02"]
    assert session_on(copy, "03-26").starts_at == sydney("03-26 19:30")
    assert copy.generated_through == march("04-07")


def test_sessions_go_along_with_the_uid_they_have() -> None:
    game = full_game()
    before = {row.slot_date: (row.pk, row.uid, row.sequence) for row in game.sessions.all()}

    copy = split(game, "03-26", start_time=time(19, 30))

    for row in copy.sessions.all():
        pk, uid, sequence = before[row.slot_date]
        assert (row.pk, row.uid, row.sequence) == (pk, uid, sequence + 1)
    assert {row.slot_date: (row.pk, row.uid, row.sequence) for row in game.sessions.all()}.items() <= before.items()
    assert str(copy.changes) == "2 sessions move"


def test_a_split_that_changes_only_the_name_leaves_every_session_as_it_is() -> None:
    game = full_game()
    before = list(game.sessions.order_by("pk").values("pk", "uid", "sequence", "starts_at"))

    copy = split(game, "03-26", name="Thursday PLO")

    assert list(copy.sessions.model.objects.order_by("pk").values("pk", "uid", "sequence", "starts_at")) == before
    assert copy.name == "Thursday PLO"


def test_what_was_done_by_hand_goes_along_as_it_is() -> None:
    game = full_game()
    moved = sessions.move(session_on(game, "03-26").pk, sydney("03-27 15:00"), now=NOW)
    cancelled = sessions.cancel(session_on(game, "04-02").pk, "dealer ill", now=NOW)

    copy = split(game, "03-20", start_time=time(19, 30))

    after = session_on(copy, "03-26")
    assert (after.uid, after.starts_at, after.edited, after.sequence) == (moved.uid, moved.starts_at, True, 1)
    after = session_on(copy, "04-02")
    assert (after.uid, after.status, after.cancel_reason) == (cancelled.uid, "cancelled", "dealer ill")
    assert str(copy.changes) == "1 edited by hand stays, 1 cancelled stays"


def test_exceptions_from_the_date_on_go_with_the_copy_and_those_before_stay() -> None:
    game = full_game()
    for day, kind in (("03-12", "exclude"), ("03-26", "exclude"), ("03-28", "add")):
        GameDate(game=game, date=march(day), kind=kind).save(now=NOW)

    copy = split(game, "03-26", start_time=time(19, 30))

    assert [row.date for row in game.exceptions.all()] == [march("03-12")]
    assert [row.date for row in copy.exceptions.all()] == [march("03-26"), march("03-28")]
    assert session_on(copy, "03-26").cancelled_by == "exception"
    assert session_on(copy, "03-28").starts_at == sydney("03-28 19:30")


def test_sessions_that_the_new_rule_does_not_name_leave_as_after_any_edit() -> None:
    game = full_game()
    moved = sessions.move(session_on(game, "03-26").pk, sydney("03-26 20:00"), now=NOW)

    copy = split(game, "03-20", weekdays=["fri"])

    assert dates(copy) == ["03-20", "03-26", "03-27", "04-03"]
    kept = session_on(copy, "03-26")
    assert (kept.pk, kept.off_rule, kept.starts_at) == (moved.pk, True, moved.starts_at)


# --- In step ------------------------------------------------------------------------------------------------

STEPS: dict[str, dict[str, Any]] = {
    "daily": {"recurrence": "daily", "weekdays": []},
    "every third day": {"recurrence": "daily", "weekdays": [], "interval": 3},
    "every third day, on weekends": {"recurrence": "daily", "weekdays": ["sat", "sun"], "interval": 3},
    "weekly by the weekday of its start": {"weekdays": []},
    "weekly": {"weekdays": ["mon", "thu"]},
    "fortnights": {"interval": 2},
    "fortnights by the weekday of its start": {"interval": 2, "weekdays": []},
    "fortnights of two days": {"interval": 2, "weekdays": ["mon", "thu"]},
    "every fifth week": {"interval": 5},
    "monthly by the day of its start": {"recurrence": "monthly", "weekdays": [], "start_date": date(2026, 1, 31)},
    "the 31st": {"recurrence": "monthly", "weekdays": [], "month_day": 31},
    "the 31st or not at all": {"recurrence": "monthly", "weekdays": [], "month_day": 31, "month_end": "skip"},
    "the 30th by its start, or not at all": {
        "recurrence": "monthly",
        "weekdays": [],
        "start_date": date(2026, 1, 30),
        "month_end": "skip",
    },
    "every second month": {"recurrence": "monthly", "weekdays": [], "interval": 2, "month_day": 5},
    "the last Thursday": {"recurrence": "monthly", "nth": -1},
    "the second Thursday of each third month": {"recurrence": "monthly", "nth": 2, "interval": 3},
    "yearly": {"recurrence": "yearly", "weekdays": [], "start_date": date(2020, 9, 5)},
    "every second year": {"recurrence": "yearly", "weekdays": [], "start_date": date(2024, 9, 5), "interval": 2},
}


@pytest.mark.parametrize("day", ["03-11", "03-20", "04-30", "05-31"])
@pytest.mark.parametrize("rule", STEPS.values(), ids=STEPS)
def test_a_copy_whose_rule_is_not_edited_keeps_step(rule: dict[str, Any], day: str) -> None:
    game = full_game(**rule)
    before = named(game)

    copy = split(game, day, start_time=time(20))

    game.refresh_from_db()
    copy.refresh_from_db()
    assert named(game) == [each for each in before if each < march(day)]
    assert named(copy) == [each for each in before if each >= march(day)]


@pytest.mark.parametrize("day", ["03-12", "03-14", "04-02", "04-09"])
def test_a_count_goes_on_in_the_copy(day: str) -> None:
    game = full_game(start_date=march("03-05"), count=6)
    before = named(game)

    copy = split(game, day, start_time=time(20))

    copy.refresh_from_db()
    game.refresh_from_db()
    assert (game.count, game.end_date) == (None, march(day) - timedelta(1))
    assert named(copy) == [each for each in before if each >= march(day)]
    assert copy.count == len(named(copy))
    assert copy.last_date == march("04-09")


def test_an_end_date_goes_on_in_the_copy() -> None:
    copy = split(full_game(end_date=march("04-02")), "03-20", start_time=time(20))

    assert (copy.end_date, copy.last_date) == (march("04-02"), march("04-02"))
    assert dates(copy) == ["03-26", "04-02"]


def test_another_interval_keeps_the_weekday_that_the_rule_took_from_its_start() -> None:
    """From the 17th, a Tuesday, every second week: still on Thursdays."""
    game = full_game(weekdays=[])

    copy = split(game, "03-17", interval=2)

    assert dates(copy) == ["03-19", "04-02"]


def test_another_interval_keeps_the_day_of_the_month_that_the_rule_took_from_its_start() -> None:
    game = full_game(recurrence="monthly", weekdays=[], start_date=date(2026, 1, 31))

    copy = split(game, "03-17", interval=2)

    assert named(copy)[:3] == [march("03-31"), march("05-31"), march("07-31")]


def test_another_interval_keeps_the_date_that_a_yearly_rule_took_from_its_start() -> None:
    game = full_game(recurrence="yearly", weekdays=[], start_date=date(2020, 9, 5))

    copy = split(game, "03-17", interval=2)

    assert named(copy, 5) == [march("09-05"), date(2028, 9, 5), date(2030, 9, 5)]


def test_a_smaller_interval_begins_at_once_and_not_with_the_next_date_of_the_larger_one() -> None:
    game = full_game(interval=2, start_date=march("03-12"))

    copy = split(game, "03-16", interval=1)

    assert dates(copy) == ["03-19", "03-26", "04-02"]


@pytest.mark.parametrize("rule", STEPS.values(), ids=STEPS)
def test_an_edit_that_repeats_what_the_rule_says_is_none(rule: dict[str, Any]) -> None:
    """A form sends all its fields, whether somebody touched them or not."""
    game = full_game(**rule)
    before = named(game)

    names = ("recurrence", "interval", "weekdays", "month_day", "nth", "month_end", "start_date", "end_date", "count")
    copy = split(game, "03-20", start_time=time(20), **{name: getattr(game, name) for name in names})

    copy.refresh_from_db()
    assert named(copy) == [each for each in before if each >= march("03-20")]


def test_other_weekdays_begin_their_fortnights_with_the_week_of_the_date() -> None:
    copy = split(full_game(interval=2), "03-18", weekdays=["fri"])

    assert dates(copy) == ["03-20", "04-03"]


def test_another_recurrence_begins_on_the_date() -> None:
    copy = split(full_game(), "03-20", recurrence="daily", weekdays=[], interval=10)

    assert dates(copy) == ["03-20", "03-30"]


# --- 29 February --------------------------------------------------------------------------------------------


def leap_game(**fields: Any) -> Game:
    return full_game(recurrence="yearly", weekdays=[], start_date=date(2024, 2, 29), **fields)


def test_a_game_on_29_february_changes_from_a_leap_year_on() -> None:
    game = leap_game()

    copy = sessions.split(game.pk, date(2027, 3, 1), {"start_time": time(20)}, now=NOW)

    assert recurrence.dates(copy.rule, TODAY, date(2030, 1, 1)) == [date(2028, 2, 29), date(2029, 2, 28)]


def test_a_game_on_29_february_cannot_change_from_a_common_year_on_for_it_would_forget_its_day() -> None:
    game = leap_game()
    before = rows()

    with pytest.raises(ValidationError) as refusal:
        split(game, "06-01", start_time=time(20))
    assert refusal.value.message_dict == {"from_date": ["A game on 29 February can only change from a leap year on."]}
    assert rows() == before


def test_a_game_on_29_february_of_leap_years_alone_changes_from_any_date_on() -> None:
    copy = split(leap_game(month_end="skip"), "06-01", start_time=time(20))

    assert recurrence.dates(copy.rule, TODAY, date(2034, 1, 1)) == [date(2028, 2, 29), date(2032, 2, 29)]


# --- Refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "day", "field", "fix"),
    [
        ({}, "03-10", "from_date", "Take a date after today"),
        ({}, "03-01", "from_date", "Take a date after today"),
        ({"start_date": march("03-26")}, "03-26", "from_date", "after the start, 2026-03-26"),
        ({"start_date": march("03-26")}, "03-20", "from_date", "after the start, 2026-03-26"),
        ({"end_date": march("03-19")}, "03-20", "from_date", "take an earlier date"),
        ({"end_date": march("03-25")}, "03-20", "from_date", "take an earlier one"),
        ({"count": 1, "start_date": march("03-12")}, "03-13", "from_date", "take an earlier date"),
        (
            {"recurrence": "once", "weekdays": [], "start_date": march("03-26")},
            "03-27",
            "from_date",
            "edit it instead",
        ),
    ],
)
def test_a_date_that_cannot_split_the_game_is_refused_with_the_fix(
    fields: dict[str, Any], day: str, field: str, fix: str
) -> None:
    game = full_game(**fields)
    before = rows()

    with pytest.raises(ValidationError) as refusal:
        split(game, day, start_time=time(20))

    assert fix in refusal.value.message_dict[field][0]
    assert rows() == before


@pytest.mark.parametrize(
    ("edits", "field"),
    [
        ({"interval": 0}, "interval"),
        ({"weekdays": ["friday"]}, "weekdays"),
        ({"nth": 6}, "nth"),
        ({"month_day": 32}, "month_day"),
        ({"duration_minutes": 1441}, "duration_minutes"),
        ({"end_date": date(2026, 3, 19)}, "end_date"),
        ({"end_date": date(2026, 5, 1), "count": 3}, "count"),
        ({"name": ""}, "name"),
        ({"recurrence": "hourly"}, "recurrence"),
    ],
)
def test_an_edit_that_cannot_be_meant_is_refused_by_field_and_nothing_is_written(
    edits: dict[str, Any], field: str
) -> None:
    game = full_game()
    before = rows()

    with pytest.raises(ValidationError) as refusal:
        split(game, "03-20", **edits)

    assert field in refusal.value.message_dict
    assert rows() == before


def test_a_game_that_does_not_exist_says_so() -> None:
    with pytest.raises(Game.DoesNotExist):
        sessions.split(1, march("03-20"), {}, now=NOW)


def test_today_is_the_venues_own() -> None:
    """At 13:00 on the 10th in Sydney it is still the 9th in New York, so the 10th is a date to come."""
    game = full_game(make_venue("America/New_York"), recurrence="daily", weekdays=[])

    copy = split(game, "03-10", start_time=time(20))

    assert (copy.start_date, dates(game)) == (march("03-10"), ["03-09"])


def test_asked_first_a_split_writes_nothing() -> None:
    game = full_game()
    before = rows()

    foretold = sessions.split(game.pk, march("03-26"), {"start_time": time(20)}, now=NOW, dry_run=True).changes

    assert rows() == before
    assert split(game, "03-26", start_time=time(20)).changes == foretold


def test_a_paused_game_is_split_into_two_paused_ones() -> None:
    game = full_game()
    game.status = "paused"
    game.save(now=NOW)

    copy = split(game, "03-26", start_time=time(20))

    assert (copy.status, dates(copy)) == ("paused", ["03-26", "04-02"])


def test_a_session_moved_across_the_date_goes_with_its_slot() -> None:
    game = full_game()
    sessions.move(session_on(game, "03-19").pk, sydney("03-28 19:00"), now=NOW)

    copy = split(game, "03-26", start_time=time(20))

    assert (dates(game), dates(copy)) == (["03-12", "03-19"], ["03-26", "04-02"])
    assert session_on(game, "03-19").off_rule is False
