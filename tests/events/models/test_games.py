"""What games are, as questions to the table."""

from typing import Any

import pytest

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
