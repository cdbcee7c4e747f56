"""Saving and deleting what decides about sessions."""

from datetime import date, time
from typing import Any

import pytest

from events.models import Closure, Game, GameDate
from tests.events.league import NOW, dates, full_game, march, session_on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _horizon(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 28


def test_a_dry_run_of_a_deletion_leaves_a_row_that_can_be_deleted() -> None:
    venue = full_game().venue
    closure = Closure(venue=venue, first_date=march("03-12"), last_date=march("03-12"), reason="works")
    closure.save(now=NOW)

    closure.delete(now=NOW, dry_run=True)
    assert closure.changes.restored == 1
    closure.delete(now=NOW)

    assert not Closure.objects.exists()


def test_a_dry_run_of_a_new_row_leaves_a_row_that_can_be_saved() -> None:
    venue = full_game().venue
    game = Game(venue=venue, name="New", recurrence="once", start_date=date(2026, 3, 13), start_time=time(19))

    game.save(now=NOW, dry_run=True)
    assert game.changes.created == 1
    assert not game.pk
    game.save(now=NOW)

    assert dates(Game.objects.get(name="New")) == ["03-13"]


def test_an_exception_that_goes_to_another_game_settles_both() -> None:
    one = full_game()
    other = full_game(one.venue, name="Other")
    skipped = GameDate(game=one, date=march("03-12"), kind="exclude", reason="fire inspection")
    skipped.save(now=NOW)

    skipped.game = other
    skipped.save(now=NOW)

    assert session_on(one, "03-12").status == "scheduled"
    assert session_on(other, "03-12").status == "cancelled"
