"""Which venues and games can be deleted."""

from typing import Any

import pytest
from django.db.models import ProtectedError

from events.models import Game, GameDate
from tests.events.league import (
    HORIZON,
    TODAY,
    each_day,
    full_game,
)
from tests.factories import make_game

pytestmark = pytest.mark.django_db

WHOLE = each_day(TODAY, HORIZON)


@pytest.fixture(autouse=True)
def _horizon(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 28


# --- What is deleted ----------------------------------------------------------------------------------------


def test_a_game_with_sessions_cannot_be_deleted_and_one_without_can() -> None:
    game, fresh = full_game(), make_game()
    GameDate.objects.bulk_create([GameDate(game=fresh, date=TODAY)])

    with pytest.raises(ProtectedError):
        game.delete()
    fresh.delete()

    assert list(Game.objects.all()) == [game]


def test_a_venue_with_games_cannot_be_deleted() -> None:
    game = make_game()

    with pytest.raises(ProtectedError):
        game.venue.delete()
