"""What games are, as questions to the table."""

from typing import Any

import pytest

from events import recurrence
from events.models import Game
from tests.factories import make_game, make_venue

pytestmark = pytest.mark.django_db


def test_the_failing_games_are_those_in_play_with_an_error() -> None:
    wrong: dict[str, Any] = {"generation_error": "GenerationError: no zone"}
    failing = [make_game(**wrong), make_game(recurrence="once", **wrong)]
    make_game(make_venue(active=False), **wrong)
    make_game(status="paused", **wrong)
    make_game(status="archived", **wrong)
    make_game()

    assert set(Game.objects.failing()) == set(failing)


def test_each_kind_of_recurrence_can_be_chosen() -> None:
    kinds = [kind for kind, _ in Game._meta.get_field("recurrence").choices or ()]

    assert kinds == ["once", "daily", "weekly", "monthly", "yearly"]


def test_games_are_recurring_to_python_as_to_the_database() -> None:
    games = [make_game(recurrence=kind) for kind in recurrence.USED_FIELDS]

    assert set(Game.objects.recurring()) == {game for game in games if game.is_recurring}
    assert [game.recurrence for game in games if not game.is_recurring] == ["once"]
