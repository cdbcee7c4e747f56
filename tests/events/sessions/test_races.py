"""Writers that meet at the worst moment, brought about by holding transactions open, never by chance."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import ProtectedError
from rest_framework.test import APIClient

from events import sessions
from events.models import Closure, Game, GameDate, Venue
from tests.events.league import HORIZON, NOW, TODAY, dates, each_day, full_game, march, session_on, sydney
from tests.factories import make_game, make_venue
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _horizon(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 28


class Other(Thread):
    """Another process that does `work`. It has begun when it waits for a lock, or is through."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.error: Exception | None = None
        self.backend: int | None = None
        self.start()
        eventually(lambda: not self.is_alive() or self.waits(), within=10, every=0.01)

    def run(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("select pg_backend_pid()")
                (self.backend,) = cursor.fetchone()
            self.work()
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def waits(self) -> bool:
        if self.backend is None:
            return False
        with connection.cursor() as cursor:
            cursor.execute("select cardinality(pg_blocking_pids(%s)) > 0", [self.backend])
            return bool(cursor.fetchone()[0])

    def ends(self) -> None:
        self.join(20)
        assert not self.is_alive()
        if self.error:
            raise self.error


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator[None]:
    """What the block does is committed only when `work` has met it."""
    with transaction.atomic():
        yield
        other = Other(work)
    other.ends()


def new_game(venue: Venue) -> Game:
    return Game(
        venue=venue,
        name="Late",
        recurrence="daily",
        start_date=TODAY,
        start_time=time(19),
    )


def flood(venue: Venue) -> Closure:
    return Closure(venue=venue, first_date=march("03-12"), last_date=march("03-12"), reason="flood")


def played(game: Game, day: str) -> bool:
    return game.sessions.filter(slot_date=march(day), status="scheduled").exists()


def test_a_closure_that_meets_a_game_being_created_closes_it_too() -> None:
    venue = make_venue()
    game = new_game(venue)

    with meanwhile(lambda: flood(venue).save(now=NOW)):
        game.save(now=NOW)

    assert not played(game, "03-12")


def test_a_game_created_while_a_closure_is_being_saved_is_not_played_then() -> None:
    venue = make_venue()
    game = new_game(venue)

    with meanwhile(lambda: game.save(now=NOW)):
        flood(venue).save(now=NOW)

    assert not played(game, "03-12")


def test_a_game_that_moves_to_a_venue_while_that_is_being_closed_is_not_played_then() -> None:
    game, venue = full_game(), make_venue()

    def move() -> None:
        game.venue = venue
        game.save(now=NOW)

    with meanwhile(move):
        flood(venue).save(now=NOW)

    assert not played(game, "03-12")


def test_a_game_created_while_its_venue_changes_zone_has_the_new_one() -> None:
    venue = make_venue()
    game = new_game(Venue.objects.get(pk=venue.pk))

    with meanwhile(lambda: game.save(now=NOW)):
        venue.timezone = "Australia/Perth"
        venue.save(now=NOW)

    assert set(game.sessions.values_list("timezone", flat=True)) == {"Australia/Perth"}


def test_a_game_generated_while_a_closure_is_being_saved_is_not_played_then() -> None:
    game = make_game()

    with meanwhile(lambda: sessions.create_sessions_for_game(game, each_day(TODAY, HORIZON), now=NOW)):
        flood(game.venue).save(now=NOW)

    assert not played(game, "03-12")


def test_a_closure_saved_while_a_game_is_generated_cancels_what_was_written() -> None:
    game = make_game()

    with meanwhile(lambda: flood(game.venue).save(now=NOW)):
        sessions.create_sessions_for_game(game, each_day(TODAY, HORIZON), now=NOW)

    assert session_on(game, "03-12").cancelled_by == "closure"


def test_a_session_cancelled_while_its_game_is_edited_stays_cancelled() -> None:
    game = full_game()
    session = session_on(game, "03-12")

    with meanwhile(lambda: sessions.cancel(session.pk, "dealer ill", now=NOW)):
        game.start_time = time(20)
        game.save(now=NOW)

    after = session_on(game, "03-12")
    assert (after.status, after.starts_at) == ("cancelled", sydney("03-12 20:00"))


def test_a_session_cancelled_while_its_game_is_split_stays_cancelled() -> None:
    game = full_game()
    session = session_on(game, "03-26")

    with meanwhile(lambda: sessions.cancel(session.pk, "dealer ill", now=NOW)):
        copy = sessions.split(game.pk, march("03-20"), {"start_time": time(20)}, now=NOW)

    assert session_on(copy, "03-26").cancelled_by == "staff"


def test_an_edit_of_a_game_that_was_read_before_a_generation_does_not_undo_it() -> None:
    stale = make_game()
    fresh = Game.objects.get(pk=stale.pk)

    sessions.create_sessions_for_game(fresh, each_day(TODAY, march("05-30")), now=NOW)
    stale.name = "Renamed"
    stale.save(now=NOW)

    stale.refresh_from_db()
    assert stale.generated_through == march("05-30")


def test_an_exception_and_an_edit_that_brings_the_same_one_do_not_wait_for_each_other_for_ever() -> None:
    game = full_game()

    def both() -> tuple[Other, Other]:
        row = GameDate(game=game, date=march("03-12"), kind="exclude", reason="edit")
        edit = Other(lambda: Game.objects.get(pk=game.pk).save(now=NOW, exceptions=[row]))
        exception = Other(lambda: GameDate.objects.get_or_create(game=game, date=march("03-12")))
        return edit, exception

    with transaction.atomic():
        Game.objects.select_for_update(no_key=True).get(pk=game.pk)
        others = both()
    for other in others:
        other.ends()

    assert [row.date for row in game.exceptions.all()] == [march("03-12")]


def test_lifting_an_exception_and_an_edit_that_lifts_it_too_do_not_wait_for_each_other_for_ever() -> None:
    game = full_game()
    GameDate(game=game, date=march("03-12")).save(now=NOW)

    with transaction.atomic():
        Game.objects.select_for_update(no_key=True).get(pk=game.pk)
        others = [
            Other(lambda: Game.objects.get(pk=game.pk).save(now=NOW, exceptions=[])),
            Other(lambda: game.exceptions.get().delete(now=NOW)),
        ]
    for other in others:
        other.ends()

    assert not game.exceptions.exists()
    assert played(game, "03-12")


def test_a_split_and_a_venue_that_gets_another_slug_do_not_wait_for_each_other_for_ever() -> None:
    """The slug is a key, so the copy's reference to its venue is checked against the change when it is committed."""
    game = full_game()
    venue = Venue.objects.get(pk=game.venue_id)
    venue.slug = "renamed"

    with meanwhile(lambda: venue.save(now=NOW)):
        copy = sessions.split(game.pk, march("03-20"), {"start_time": time(20)}, now=NOW)

    assert dates(copy) == ["03-26", "04-02"]


def test_a_game_that_is_generated_while_it_is_deleted_is_kept_and_the_refusal_is_the_usual_one() -> None:
    game = make_game()
    doomed = Game.objects.get(pk=game.pk)

    with pytest.raises(ProtectedError), meanwhile(doomed.delete):
        sessions.create_sessions_for_game(game, each_day(TODAY, HORIZON), now=NOW)

    assert len(dates(game)) == 29


def test_two_edits_of_different_fields_over_rest_are_both_kept() -> None:
    game = full_game(name="Old", notes="")
    root = User.objects.create_superuser("root")

    def patch(**fields: str) -> None:
        client = APIClient(headers={"x-forwarded-proto": "https"})
        client.force_authenticate(root)
        response = client.patch(f"/api/v1/games/{game.pk}/", fields)
        assert response.status_code == 200

    with meanwhile(lambda: patch(notes="bring cash")):
        patch(name="New")

    game.refresh_from_db()
    assert (game.name, game.notes) == ("New", "bring cash")


def test_an_edit_over_rest_does_not_undo_a_split_that_it_did_not_see() -> None:
    game = full_game()
    root = User.objects.create_superuser("root")

    def rename() -> None:
        client = APIClient(headers={"x-forwarded-proto": "https"})
        client.force_authenticate(root)
        assert client.patch(f"/api/v1/games/{game.pk}/", {"name": "New"}).status_code == 200

    with meanwhile(rename):
        sessions.split(game.pk, march("03-20"), {"start_time": time(20)}, now=NOW)

    game.refresh_from_db()
    assert (game.name, game.end_date) == ("New", march("03-19"))
