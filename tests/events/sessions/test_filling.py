"""Writing the sessions that a game lacks in a window."""

from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events import sessions
from events.models import Closure, Game, GameDate, GameSession, NewSession, Venue
from events.public_holidays import HOLIDAYS
from events.sessions import GenerationError, WindowError, create_sessions_for_game
from events.sessions.planning import Plan
from events.sessions.writing import write
from events.slots import Slot
from tests.events.league import (
    HORIZON,
    NOW,
    SYDNEY,
    TODAY,
    dates,
    each_day,
    full_game,
    march,
    rows,
    session_on,
    sydney,
)
from tests.factories import make_game, make_venue

pytestmark = pytest.mark.django_db

WHOLE = each_day(TODAY, HORIZON)


@pytest.fixture(autouse=True)
def _horizon(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 28


# --- create_sessions_for_game -------------------------------------------------------------------------------

RULES: list[tuple[dict[str, Any], list[str]]] = [
    ({"recurrence": "once", "start_date": date(2026, 3, 12)}, ["03-12"]),
    ({"recurrence": "daily", "interval": 10, "start_date": date(2026, 3, 1)}, ["03-11", "03-21", "03-31"]),
    ({"recurrence": "weekly", "start_date": date(2026, 1, 1)}, ["03-12", "03-19", "03-26", "04-02"]),
    ({"recurrence": "weekly", "interval": 2, "start_date": date(2026, 3, 12)}, ["03-12", "03-26"]),
    ({"recurrence": "weekly", "interval": 2, "start_date": date(2026, 3, 5)}, ["03-19", "04-02"]),
    ({"recurrence": "monthly", "month_day": 31, "start_date": date(2026, 1, 31)}, ["03-31"]),
    ({"recurrence": "monthly", "nth": -1, "weekdays": ["thu"], "start_date": date(2026, 1, 1)}, ["03-26"]),
    ({"recurrence": "yearly", "start_date": date(2020, 3, 17)}, ["03-17"]),
]


@pytest.mark.parametrize(("rule", "expected"), RULES)
def test_each_rule_writes_the_sessions_of_its_window_and_a_repeat_writes_none(
    rule: dict[str, Any], expected: list[str]
) -> None:
    game = make_game(**rule)

    assert create_sessions_for_game(game, WHOLE, now=NOW) == len(expected)
    assert dates(game) == expected

    before = rows()
    assert create_sessions_for_game(game, WHOLE, now=NOW) == 0
    assert rows() == before


def test_a_session_is_born_scheduled_at_the_venues_time_and_untouched() -> None:
    game = full_game(make_venue("America/New_York"), start_time=time(19, 30), duration_minutes=150)

    session = session_on(game, "03-12")
    assert session.starts_at == datetime(2026, 3, 12, 23, 30, tzinfo=UTC)
    assert session.ends_at == datetime(2026, 3, 13, 2, tzinfo=UTC)
    assert (session.timezone, session.status, session.cancel_reason) == ("America/New_York", "scheduled", "")
    assert (session.edited, session.off_rule, session.sequence, session.cancelled_by) == (False, False, 0, "")


def test_each_session_has_a_uid_of_its_own() -> None:
    game = full_game(recurrence="daily", weekdays=[])

    assert len({session.uid for session in game.sessions.all()}) == 29


def test_only_the_days_asked_for_are_written() -> None:
    game = make_game()

    assert create_sessions_for_game(game, [march("03-20"), march("03-12"), march("03-12")], now=NOW) == 2
    assert dates(game) == ["03-12", "03-20"]


def test_no_days_are_no_work() -> None:
    assert create_sessions_for_game(make_game(), [], now=NOW) == 0


def test_skipped_dates_have_no_session() -> None:
    venue = make_venue(holiday_region="AU-NSW")
    game = make_game(venue, holiday_policy="skip")
    Closure.objects.bulk_create(
        [Closure(venue=venue, first_date=march("03-12"), last_date=march("03-13"), reason="flood")]
    )
    GameDate.objects.bulk_create([GameDate(game=game, date=march("03-15"), kind="exclude")])

    create_sessions_for_game(game, WHOLE, now=NOW)

    missing = set(WHOLE) - set(game.sessions.values_list("slot_date", flat=True))
    assert sorted(missing) == [march(day) for day in ("03-12", "03-13", "03-15", "04-03", "04-04", "04-05", "04-06")]


@pytest.mark.parametrize("fields", [{"status": "paused"}, {"status": "archived"}, {"active": False}])
def test_nothing_is_written_for_a_game_that_is_not_active_or_a_venue_that_is_not(fields: dict[str, Any]) -> None:
    active = fields.pop("active", True)
    game = make_game(make_venue(active=active), **fields)
    before = rows()

    assert create_sessions_for_game(game, WHOLE, now=NOW) == 0
    assert rows() == before


def test_the_row_counts_and_not_the_game_that_was_read_earlier() -> None:
    game = make_game()
    Game.objects.filter(pk=game.pk).update(status="paused")

    assert create_sessions_for_game(game, WHOLE, now=NOW) == 0


def test_a_game_that_is_gone_is_no_error() -> None:
    game = make_game()
    Game.objects.filter(pk=game.pk).delete()

    assert create_sessions_for_game(game, WHOLE, now=NOW) == 0


# --- generated_through --------------------------------------------------------------------------------------


def through(game: Game) -> str | None:
    game.refresh_from_db()
    return f"{game.generated_through:%m-%d}" if game.generated_through else None


def create(game: Game, first: str, last: str, now: datetime = NOW) -> None:
    create_sessions_for_game(game, each_day(march(first), march(last)), now=now)


@pytest.mark.parametrize(
    ("known", "first", "last", "expected"),
    [
        (None, "03-10", "03-20", "03-20"),
        (None, "03-10", "03-10", "03-10"),
        (None, "03-11", "03-20", None),  # today itself is still to be settled
        (None, "03-01", "03-12", "03-12"),
        (None, "03-01", "03-09", None),  # the past needs no settling
        ("03-20", "03-21", "03-30", "03-30"),
        ("03-20", "03-15", "03-30", "03-30"),
        ("03-20", "03-22", "03-30", "03-20"),  # the 21st would be lost
        ("03-20", "03-10", "03-15", "03-20"),
        ("03-20", "03-10", "04-07", "04-07"),
        ("03-01", "03-10", "03-15", "03-15"),  # days between that are past do not count
        ("03-01", "03-11", "03-15", "03-01"),
        ("03-01", "03-01", "03-09", "03-01"),
    ],
)
def test_the_calendar_is_settled_up_to_the_last_day_that_joins_up(
    known: str | None, first: str, last: str, expected: str | None
) -> None:
    game = make_game(generated_through=march(known) if known else None)

    create(game, first, last)

    assert through(game) == expected


def test_a_list_of_days_with_holes_settles_up_to_the_first_hole() -> None:
    game = make_game()

    create_sessions_for_game(game, [march(day) for day in ("03-10", "03-11", "03-13", "03-14")], now=NOW)

    assert through(game) == "03-11"
    assert dates(game) == ["03-10", "03-11", "03-13", "03-14"]


def test_a_window_written_ahead_joins_up_when_the_gap_is_filled() -> None:
    game = make_game()
    create(game, "03-10", "03-15")
    create(game, "03-20", "03-25")
    assert through(game) == "03-15"

    create(game, "03-16", "03-25")

    assert through(game) == "03-25"
    assert len(dates(game)) == 16


def test_days_without_a_slot_are_settled_too() -> None:
    game = make_game(recurrence="weekly", weekdays=["thu"])

    create(game, "03-10", "03-11")

    assert (dates(game), through(game)) == ([], "03-11")


def test_today_is_the_venues_own() -> None:
    """At 13:00 on the 10th in Sydney it is 22:00 on the 9th in New York."""
    game = make_game(make_venue("America/New_York"))
    create(game, "03-10", "03-20")
    assert through(game) is None

    create(game, "03-09", "03-20")
    assert through(game) == "03-20"


def test_generating_clears_the_error_of_an_earlier_attempt() -> None:
    game = make_game(generation_error="KeyError: Nowhere")

    create(game, "03-10", "03-20")

    game.refresh_from_db()
    assert game.generation_error == ""


# --- Windows and games that make no sense -------------------------------------------------------------------


def test_a_window_of_four_hundred_days_is_written_and_one_day_more_is_refused() -> None:
    game = make_game()
    last = TODAY + timedelta(399)

    assert create_sessions_for_game(game, each_day(TODAY, last), now=NOW) == 400
    before = rows()
    for days in (each_day(TODAY, last + timedelta(1)), [TODAY, last + timedelta(1)]):
        with pytest.raises(WindowError, match="401 days long: give 400 at most"):
            create_sessions_for_game(game, days, now=NOW)
    assert rows() == before


def test_without_a_time_it_is_about_the_present() -> None:
    game = make_game()
    today = game.venue.today(timezone.now())

    assert create_sessions_for_game(game, each_day(today, today + timedelta(6))) == 7

    game.refresh_from_db()
    assert game.generated_through == today + timedelta(6)


def test_a_window_that_ends_before_it_starts_is_refused_with_the_fix() -> None:
    with pytest.raises(WindowError, match="give an end on or after the start"):
        sessions.window(TODAY, TODAY - timedelta(1))


@pytest.mark.parametrize("zone", ["Nowhere/Land", "", "/etc/passwd", "Australia", "../UTC"])
def test_a_zone_that_does_not_exist_is_a_generation_error_and_nothing_is_written(zone: str) -> None:
    game = make_game(make_venue(zone))
    before = rows()

    with pytest.raises(GenerationError):
        create_sessions_for_game(game, WHOLE, now=NOW)
    assert rows() == before


@pytest.mark.parametrize("region", ["XX", "AU-ZZ", "nowhere", "-"])
def test_a_region_that_does_not_exist_is_a_generation_error_and_nothing_is_written(region: str) -> None:
    game = make_game(make_venue(holiday_region=region), holiday_policy="skip")
    before = rows()

    with pytest.raises(GenerationError):
        create_sessions_for_game(game, WHOLE, now=NOW)
    assert rows() == before


@pytest.mark.parametrize("zone", ["Nowhere/Land", "", "/etc/passwd", "Australia", "../UTC"])
def test_an_edit_of_a_game_that_cannot_be_generated_is_kept_and_marked_with_the_error(zone: str) -> None:
    game = make_game(make_venue(zone))
    game.name = "Renamed"

    game.save(now=NOW)

    game.refresh_from_db()
    assert game.name == "Renamed"
    assert game.generation_error
    assert game.generated_through is None


def test_a_game_that_cannot_be_generated_keeps_its_sessions_and_gets_on_once_it_is_repaired() -> None:
    game = full_game(holiday_policy="skip")
    Venue.objects.update(holiday_region="XX")
    before = rows(GameSession)

    game.save(now=NOW)
    assert rows(GameSession) == before
    assert game.generation_error

    venue = game.venue
    venue.holiday_region = "AU-NSW"
    venue.save(now=NOW)
    game.refresh_from_db()
    assert game.generation_error == ""


# --- Cost ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("days", [1, 29, 400])
def test_generating_a_game_takes_as_many_queries_whatever_the_window(days: int) -> None:
    venue = make_venue(holiday_region="AU-NSW")
    game = make_game(venue, holiday_policy="skip", holidays=HOLIDAYS, start_date=date(1990, 1, 1))
    Closure.objects.bulk_create(
        [Closure(venue=venue, first_date=day, last_date=day, reason="flood") for day in WHOLE[3:9]]
    )
    GameDate.objects.bulk_create([GameDate(game=game, date=day, kind="exclude") for day in WHOLE[10:20]])

    with CaptureQueriesContext(connection) as queries:
        assert create_sessions_for_game(game, each_day(TODAY, TODAY + timedelta(days - 1)), now=NOW)

    starts = [query["sql"].split()[0] for query in queries]
    assert starts == ["BEGIN", *["SELECT"] * 6, "INSERT", "UPDATE", "COMMIT"]


# --- Two at once --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_that_create_the_same_game_at_once_write_each_session_once_and_raise_nothing() -> None:
    game = make_game()
    start, counts = Barrier(4), []

    def work() -> None:
        try:
            start.wait()
            counts.append(create_sessions_for_game(game, WHOLE, now=NOW))
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(counts) == [0, 0, 0, 29]
    assert len(dates(game)) == 29


def test_one_that_loses_a_race_around_the_lock_inserts_nothing_and_raises_nothing() -> None:
    """The unique constraint is the last word, should anything ever write without the lock."""
    game = full_game()
    kept = session_on(game, "03-12")
    late = Plan(game.pk, SYDNEY.key, insert=[Slot(kept.slot_date, kept.starts_at, kept.ends_at)])

    write([late], NOW)

    assert [session.pk for session in game.sessions.filter(slot_date=kept.slot_date)] == [kept.pk]


# --- The columns that the engine leaves to the database -----------------------------------------------------


def test_a_session_that_the_engine_wrote_is_what_a_new_one_would_be() -> None:
    game = make_game()
    create_sessions_for_game(game, [TODAY], now=NOW)
    written = game.sessions.get()
    new = GameSession()

    named = {field.name for field in NewSession._meta.fields}
    left = [field.name for field in GameSession._meta.fields if field.name not in {*named, "uid"}]
    assert {name: getattr(written, name) for name in left} == {name: getattr(new, name) for name in left}
    assert named < {field.name for field in GameSession._meta.fields}
    assert written.uid.version == 4


# --- After a deploy with other data on public holidays ------------------------------------------------------


def observing(**fields: Any) -> Game:
    """A game on Thursdays, full, whose sessions were settled with older data; it was not known that 26 March is off."""
    game = full_game(make_venue(holiday_region="AU-NSW"), **fields)
    game.sessions.filter(slot_date=march("04-02")).delete()
    Game.objects.filter(pk=game.pk).update(holidays="0.1", holiday_policy="skip")
    return game


def test_a_window_far_ahead_writes_its_own_days_and_does_not_move_what_is_settled() -> None:
    game = observing()

    assert create_sessions_for_game(game, [date(2026, 9, 3)], now=NOW) == 1

    assert dates(game) == ["03-12", "03-19", "03-26", "04-02", "09-03"]
    assert through(game) == "04-07"


def test_a_window_in_the_past_is_written_at_once() -> None:
    game = observing()

    assert create_sessions_for_game(game, [march("03-05")], now=NOW) == 1


def test_a_paused_game_is_settled_too_and_gets_no_session() -> None:
    """Its nights are announced still."""
    game = observing(start_time=time(18))
    Game.objects.filter(pk=game.pk).update(status="paused", start_time=time(19))

    assert create_sessions_for_game(game, WHOLE, now=NOW) == 0

    assert dates(game) == ["03-12", "03-19", "03-26"]
    assert session_on(game, "03-12").starts_at == sydney("03-12 19:00")


def test_a_dry_run_counts_the_days_asked_for_alone() -> None:
    game = observing()

    assert create_sessions_for_game(game, [march("03-12"), march("03-13")], now=NOW, dry_run=True) == 0
