"""What staff do to one session by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from events import sessions
from events.models import Closure, GameSession, Venue
from events.sessions import create_sessions_for_game
from tests.events.league import (
    HORIZON,
    NOW,
    TODAY,
    dates,
    each_day,
    full_game,
    march,
    rows,
    session_on,
    sydney,
)

pytestmark = pytest.mark.django_db

WHOLE = each_day(TODAY, HORIZON)


@pytest.fixture(autouse=True)
def _horizon(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 28


# --- By hand: cancel ----------------------------------------------------------------------------------------


def test_a_cancelled_session_keeps_its_place_and_says_why() -> None:
    game = full_game()
    before = session_on(game, "03-12")

    sessions.cancel(before.pk, "dealer ill", now=NOW)

    after = session_on(game, "03-12")
    assert (after.pk, after.uid, after.starts_at, after.sequence) == (before.pk, before.uid, before.starts_at, 1)
    assert (after.status, after.cancelled_by, after.cancel_reason) == ("cancelled", "staff", "dealer ill")
    assert not after.edited


def test_a_cancelled_session_is_never_generated_again() -> None:
    game = full_game()
    before = sessions.cancel(session_on(game, "03-12").pk, "dealer ill", now=NOW)

    create_sessions_for_game(game, WHOLE, now=NOW)
    game.save(now=NOW)

    after = session_on(game, "03-12")
    assert (after.pk, after.status, after.sequence) == (before.pk, "cancelled", before.sequence)
    assert len(dates(game)) == 4


def test_cancelling_twice_changes_nothing_the_second_time() -> None:
    session = sessions.cancel(session_on(full_game(), "03-12").pk, "dealer ill", now=NOW)

    assert sessions.cancel(session.pk, "dealer ill", now=NOW).sequence == 1


def test_a_session_that_a_closure_cancelled_and_then_staff_stays_cancelled_when_the_closure_is_lifted() -> None:
    game = full_game()
    closure = Closure(venue=game.venue, first_date=march("03-12"), last_date=march("03-12"), reason="flood")
    closure.save(now=NOW)
    sessions.cancel(session_on(game, "03-12").pk, "and the dealer is ill", now=NOW)

    closure.delete(now=NOW)

    after = session_on(game, "03-12")
    assert (after.status, after.cancel_reason) == ("cancelled", "and the dealer is ill")


# --- By hand: restore ---------------------------------------------------------------------------------------


def test_a_restored_session_follows_its_game_again() -> None:
    game = full_game()
    session = sessions.cancel(session_on(game, "03-12").pk, "dealer ill", now=NOW)

    sessions.restore(session.pk, now=NOW)

    after = session_on(game, "03-12")
    assert (after.status, after.cancelled_by, after.cancel_reason) == ("scheduled", "", "")
    assert (after.edited, after.uid, after.sequence) == (False, session.uid, 2)
    game.start_time = time(20)
    game.save(now=NOW)
    assert session_on(game, "03-12").starts_at == sydney("03-12 20:00")


def test_a_moved_session_that_was_cancelled_comes_back_where_it_was_moved_to() -> None:
    game = full_game()
    session = session_on(game, "03-12")
    sessions.move(session.pk, sydney("03-13 18:00"), now=NOW)
    sessions.cancel(session.pk, "", now=NOW)

    sessions.restore(session.pk, now=NOW)

    after = session_on(game, "03-12")
    assert (after.status, after.starts_at, after.edited) == ("scheduled", sydney("03-13 18:00"), True)


def test_a_session_restored_in_spite_of_a_closure_is_by_hand_and_no_closure_cancels_it_again() -> None:
    game = full_game()
    closure = Closure(venue=game.venue, first_date=march("03-12"), last_date=march("03-12"), reason="flood")
    closure.save(now=NOW)

    restored = sessions.restore(session_on(game, "03-12").pk, now=NOW)
    assert (restored.status, restored.edited) == ("scheduled", True)

    closure.reason = "a great flood"
    closure.save(now=NOW)
    assert session_on(game, "03-12").status == "scheduled"


def test_restoring_what_is_scheduled_changes_nothing() -> None:
    session = session_on(full_game(), "03-12")

    assert sessions.restore(session.pk, now=NOW).sequence == 0


# --- By hand: move ------------------------------------------------------------------------------------------


def test_a_moved_session_keeps_its_slot_and_its_length_and_no_edit_overwrites_it() -> None:
    game = full_game()
    session = session_on(game, "03-12")

    sessions.move(session.pk, sydney("03-14 15:00"), now=NOW)
    game.start_time, game.duration_minutes = time(20), 60
    game.save(now=NOW)
    create_sessions_for_game(game, WHOLE, now=NOW)

    after = session_on(game, "03-12")
    assert (after.starts_at, after.ends_at) == (sydney("03-14 15:00"), sydney("03-14 19:00"))
    assert (after.edited, after.sequence, after.uid) == (True, 1, session.uid)
    assert len(dates(game)) == 4


def test_a_move_may_change_the_length() -> None:
    session = session_on(full_game(), "03-12")

    moved = sessions.move(session.pk, sydney("03-12 19:00"), sydney("03-13 19:00"), now=NOW)

    assert moved.ends_at - moved.starts_at == timedelta(days=1)


@pytest.mark.parametrize(
    ("starts", "ends"),
    [("10-04 00:30", "2026-10-03T18:30"), ("10-03 23:00", "2026-10-03T17:00"), ("04-05 00:30", "2026-04-04T17:30")],
)
def test_a_session_moved_to_the_night_of_a_clock_change_keeps_its_length_by_a_stopwatch(starts: str, ends: str) -> None:
    session = session_on(full_game(), "03-12")

    sessions.move(session.pk, sydney(starts), now=NOW)

    session.refresh_from_db()
    assert session.ends_at - session.starts_at == timedelta(hours=4)
    assert session.ends_at == datetime.fromisoformat(ends).replace(tzinfo=UTC)


def test_the_limit_of_a_day_is_by_a_stopwatch_too() -> None:
    """From midnight to midnight it is 25 hours when the clocks go back."""
    session = session_on(full_game(), "03-12")

    with pytest.raises(ValidationError):
        sessions.move(session.pk, sydney("04-05 00:00"), sydney("04-06 00:00"), now=NOW)
    sessions.move(session.pk, sydney("04-05 00:00"), sydney("04-05 23:00"), now=NOW)


# --- By hand: a moved session keeps its hour --------------------------------------------------------------------


def clock_of(session: GameSession) -> str:
    """What its venue's clock shows at its start and its end."""
    session = GameSession.objects.select_related("game__venue").get(pk=session.pk)
    zone = session.game.venue.zone
    assert session.timezone == zone.key
    return f"{session.starts_at.astimezone(zone):%m-%d %H:%M}–{session.ends_at.astimezone(zone):%H:%M}"


def correct_zone(session: GameSession, zone: str, now: datetime = NOW) -> None:
    venue = Venue.objects.get(games=session.game_id)
    venue.timezone = zone
    venue.save(now=now)


@pytest.mark.parametrize(
    ("said", "zone", "shown"),
    [
        ("03-12 20:00", "Australia/Perth", "03-12 20:00–00:00"),
        ("10-04 00:30", "Australia/Perth", "10-04 00:30–04:30"),  # four hours, though Sydney loses one of them
        ("03-28 02:30", "Europe/London", "03-28 02:30–06:30"),
        ("03-29 01:30", "Europe/London", "03-29 02:30–06:30"),  # does not exist there
        ("03-08 02:30", "America/New_York", "03-08 03:30–07:30"),
        ("11-01 01:30", "America/New_York", "11-01 01:30–04:30"),  # comes twice there: the first
        ("10-25 01:30", "Europe/London", "10-25 01:30–04:30"),
    ],
)
def test_a_moved_session_stays_at_its_hour_when_the_venues_zone_is_corrected(said: str, zone: str, shown: str) -> None:
    early = sydney("03-01 13:00")
    session = full_game(now=early).sessions.get(slot_date=march("03-12"))
    sessions.move(session.pk, sydney(said), now=early)

    correct_zone(session, zone, early)

    assert clock_of(session) == shown
    session.refresh_from_db()
    assert (session.slot_date, session.edited, session.sequence) == (march("03-12"), True, 2)
    correct_zone(session, "Australia/Sydney", early)
    assert clock_of(session).startswith(said)


def test_a_session_that_was_moved_and_called_off_keeps_its_hour_too() -> None:
    session = sessions.move(session_on(full_game(), "03-12").pk, sydney("03-12 20:00"), now=NOW)
    sessions.cancel(session.pk, "dealer ill", now=NOW)
    correct_zone(session, "Australia/Perth")

    sessions.restore(session.pk, now=NOW)

    assert clock_of(session) == "03-12 20:00–00:00"


def test_a_session_restored_off_its_rule_keeps_the_hour_at_which_it_was_restored() -> None:
    game = full_game()
    session = sessions.cancel(session_on(game, "03-12").pk, "dealer ill", now=NOW)
    game.start_time = time(18)
    game.save(now=NOW)
    sessions.restore(session.pk, now=NOW)

    correct_zone(session, "Australia/Perth")

    assert clock_of(session) == "03-12 19:00–23:00"


@pytest.mark.parametrize(("fold", "instant"), [(0, "2026-04-04T15:30"), (1, "2026-04-04T16:30")])
def test_of_an_hour_that_comes_twice_a_session_keeps_the_one_it_was_moved_to(fold: int, instant: str) -> None:
    """Whoever gives an instant means that one; an edit of the game does not take it for the other."""
    game = full_game()
    session = session_on(game, "03-12")
    sessions.move(session.pk, sydney("04-05 02:30").replace(fold=fold), now=NOW)

    game.save(now=NOW)

    session.refresh_from_db()
    assert session.starts_at == datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert session.sequence == 1


def test_moving_a_session_to_where_it_stands_only_makes_it_one_by_hand() -> None:
    session = session_on(full_game(), "03-12")
    before = GameSession.objects.values().get(pk=session.pk)

    sessions.move(session.pk, session.starts_at, now=NOW)
    sessions.move(session.pk, session.starts_at, now=NOW)

    by_hand = {"edited": True, "moved_date": march("03-12"), "moved_time": time(19), "sequence": 1, "updated_at": NOW}
    assert GameSession.objects.values().get(pk=session.pk) == before | by_hand


def test_a_session_whose_new_hour_has_passed_is_played_as_it_was_announced() -> None:
    session = sessions.move(session_on(full_game(), "03-12").pk, sydney("03-12 20:00"), now=NOW)

    correct_zone(session, "Pacific/Auckland", sydney("03-12 18:30"))  # two hours ahead

    session.refresh_from_db()
    assert (session.starts_at, session.timezone) == (sydney("03-12 20:00"), "Australia/Sydney")


def test_a_session_that_an_older_release_moved_has_the_hour_of_the_zone_it_noted() -> None:
    """While a deploy rolls: it writes the instants alone."""
    session = session_on(full_game(), "03-12")
    later = {"starts_at": sydney("03-12 20:00"), "ends_at": sydney("03-13 00:00"), "edited": True}
    GameSession.objects.filter(pk=session.pk).update(**later)

    correct_zone(session, "Australia/Perth")

    assert clock_of(session) == "03-12 20:00–00:00"


# --- By hand: what a move may be ------------------------------------------------------------------------------


def test_a_session_may_be_moved_to_a_date_that_has_one_of_its_own() -> None:
    game = full_game()
    sessions.move(session_on(game, "03-12").pk, sydney("03-19 12:00"), now=NOW)

    game.save(now=NOW)

    assert dates(game) == ["03-12", "03-19", "03-26", "04-02"]
    assert session_on(game, "03-19").starts_at == sydney("03-19 19:00")


@pytest.mark.parametrize(
    ("starts", "ends", "field", "fix"),
    [
        ("03-10 13:00", None, "starts_at", "give a time to come"),
        ("03-10 12:59", "03-10 15:00", "starts_at", "give a time to come"),
        ("03-12 19:00", "03-12 19:00", "ends_at", "ends after it starts"),
        ("03-12 19:00", "03-12 18:00", "ends_at", "ends after it starts"),
        ("03-12 19:00", "03-13 19:01", "ends_at", "at most 24 hours"),
    ],
)
def test_a_move_that_cannot_be_meant_is_refused_with_the_field_and_the_fix(
    starts: str, ends: str | None, field: str, fix: str
) -> None:
    session = session_on(full_game(), "03-12")
    before = rows()

    with pytest.raises(ValidationError) as refusal:
        sessions.move(session.pk, sydney(starts), sydney(ends) if ends else None, now=NOW)

    assert fix in refusal.value.message_dict[field][0]
    assert rows() == before


def test_a_move_to_the_end_of_the_calendar_is_refused_and_no_crash() -> None:
    session = session_on(full_game(), "03-12")

    with pytest.raises(ValidationError):
        sessions.move(session.pk, datetime(9999, 12, 31, 23, tzinfo=UTC), now=NOW)


def test_a_cancelled_session_is_restored_before_it_is_moved() -> None:
    session = sessions.cancel(session_on(full_game(), "03-12").pk, "", now=NOW)

    with pytest.raises(ValidationError) as refusal:
        sessions.move(session.pk, sydney("03-12 20:00"), now=NOW)
    assert refusal.value.message_dict == {"status": ["This session is cancelled: restore it before you move it."]}


By = Callable[[int], GameSession]
BY_HAND: dict[str, By] = {
    "cancel": lambda pk: sessions.cancel(pk, "", now=sydney("03-12 23:00")),
    "restore": lambda pk: sessions.restore(pk, now=sydney("03-12 23:00")),
    "move": lambda pk: sessions.move(pk, sydney("03-14 19:00"), now=sydney("03-12 23:00")),
}


@pytest.mark.parametrize("act", BY_HAND.values(), ids=BY_HAND)
def test_a_session_that_is_over_does_not_change(act: By) -> None:
    session = session_on(full_game(), "03-12")
    before = rows()

    with pytest.raises(ValidationError) as refusal:
        act(session.pk)
    assert refusal.value.message_dict == {"status": ["This session is over: the past does not change."]}
    assert rows() == before


@pytest.mark.parametrize("act", BY_HAND.values(), ids=BY_HAND)
def test_a_session_that_does_not_exist_says_so(act: By) -> None:
    with pytest.raises(GameSession.DoesNotExist):
        act(1)


def test_a_session_that_is_being_played_can_still_be_called_off() -> None:
    session = session_on(full_game(), "03-12")

    assert sessions.cancel(session.pk, "power cut", now=sydney("03-12 21:00")).status == "cancelled"
