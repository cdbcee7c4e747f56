"""Games to hand in, and the account of who has which in hand."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.factories import make_games, make_venue
from tests.workers.conftest import Queues
from workers.broker import broker
from workers.committer import group_commit, in_hand
from workers.committer.group_commit import Request

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)
TODAY = date(2026, 3, 10)
WINDOW = [TODAY + timedelta(n) for n in range(29)]


@pytest.fixture(autouse=True)
def _namespace(queues: Queues) -> None:
    """Each test keeps an account of its own."""


def fresh(count: int) -> list[int]:
    """Games in play, none of whose sessions is written."""
    return [game.pk for game in make_games(count, make_venue())]


def serve(games: Iterable[int]) -> dict[int, Any]:
    """What comes of handing in games at the same moment: a number, None, or an error."""
    batch = [Request(game, WINDOW, NOW) for game in games]
    group_commit._serve(batch)
    return {request.game_id: request.outcome.exception() or request.outcome.result() for request in batch}


def holders() -> dict[int, list[str]]:
    """Who has each game in hand, and who died with it."""
    client: Any = broker().client
    return {int(game): ids.decode().split(",") for game, ids in client.hgetall(in_hand.key()).items()}


def has_died_with(game: int, times: int) -> None:
    """Let so many processes that nobody hears of have the game in hand."""
    client: Any = broker().client
    client.hset(in_hand.key(), game, ",".join(f"dead-{n}" for n in range(times)))
