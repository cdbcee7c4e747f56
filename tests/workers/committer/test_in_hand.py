"""Which process has which game in hand, and which died with it, on the real Redis."""

from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError
from dramatiq.common import current_millis

from events import sessions
from events.models import Game
from tests.workers.committer.conftest import NOW, WINDOW, fresh, has_died_with, holders, serve
from tests.workers.conftest import Queues
from workers import generation
from workers.broker import broker, connect
from workers.committer import in_hand
from workers.committer.group_commit import Committer
from workers.committer.in_hand import DEATHS, take_in_hand

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_game_that_is_done_is_in_nobodys_hand() -> None:
    assert serve(games := fresh(3)) == dict.fromkeys(games, 29)
    assert holders() == {}


def test_a_game_that_a_process_died_with_is_left_to_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[dict[int, list[str]]] = []
    write = sessions.create_sessions_for_games

    def look(windows: Any, *, now: datetime) -> dict[int, int]:
        held.append(holders())
        return write(windows, now=now)

    monkeypatch.setattr(sessions, "create_sessions_for_games", look)
    me = broker().broker_id
    one, suspect, two = fresh(3)
    has_died_with(suspect, 1)

    assert serve([one, suspect, two]) == {one: 29, suspect: None, two: 29}
    assert held == [{one: [me], two: [me], suspect: ["dead-0"]}]

    # Alone, so that the next death is nobody else's
    with Committer().alone(suspect):
        assert holders() == {suspect: ["dead-0", me]}
    assert holders() == {}


def test_a_process_that_lives_has_not_died(queues: Queues) -> None:
    game, *_ = fresh(1)
    client: Any = broker().client
    client.hset(in_hand.key(), game, "alive,silent,gone")
    client.zadd(
        f"{broker().namespace}:__heartbeats__", {"alive": current_millis(), "silent": current_millis() - 11_000}
    )

    assert take_in_hand([game]) == {game: 2}
    assert holders() == {game: ["alive", "silent", "gone", broker().broker_id]}
    assert take_in_hand([game]) == {game: 2}  # nor is one's own hand another's


@pytest.mark.parametrize("apart", [True, False])
def test_a_game_that_three_processes_died_with_is_marked_and_left(apart: bool) -> None:
    deadly, sound = fresh(2)
    begun = generation.begin(NOW, days=28, slot=None)
    has_died_with(deadly, DEATHS)

    for game in (deadly, sound):
        generation.create_sessions(game, WINDOW[0], WINDOW[-1], now=NOW, last_try=False, apart=apart)

    assert "3 worker processes died with it in hand" in Game.objects.get(pk=deadly).generation_error
    assert list(Game.objects.failing()) == [Game.objects.get(pk=deadly)]
    assert not generation.lagging(begun, NOW).exists()

    # A retry by hand begins anew
    assert holders() == {}
    assert generation.create_sessions(deadly, WINDOW[0], WINDOW[-1], now=NOW, last_try=True, apart=True) == 29


def test_a_deadly_game_that_cannot_be_marked_stays_known(monkeypatch: pytest.MonkeyPatch) -> None:
    (deadly,) = fresh(1)
    has_died_with(deadly, DEATHS)

    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(sessions, "mark_failed", away)
    with pytest.raises(OperationalError):
        generation.create_sessions(deadly, WINDOW[0], WINDOW[-1], now=NOW, last_try=False, apart=False)

    assert len(holders()[deadly]) > DEATHS


def test_without_redis_nobody_notes_anything_and_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker(), "client", connect("redis://127.0.0.1:1", patience=1, retries=0))

    assert serve(games := fresh(2)) == dict.fromkeys(games, 29)
