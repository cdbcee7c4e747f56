"""The calendar of five hundred games is filled by the nightly generation, and filled only once."""

from datetime import datetime

import redis

from events.models import Game, GameSession
from tests.acceptance.conftest import Start
from tests.acceptance.league import create_league, expect_calendar, note_generation
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Generation


def test_five_hundred_games_have_every_session_once_and_generating_again_changes_nothing(
    start: Start, queues: redis.Redis
) -> None:
    # Given games of every rule, the week before clocks change in Sydney and on Lord Howe Island
    clock = Clock(datetime.fromisoformat("2026-09-25T04:59:00+10:00"), rate=10)
    league = create_league(500)
    expected = league.expected(datetime.fromisoformat("2026-09-25T05:00:00+10:00"))
    note_generation(datetime.fromisoformat("2026-09-24T05:00:00+10:00"))
    assert GameSession.objects.count() == 0

    # When it gets 05:00 in Sydney
    processes = start("worker", "scheduler", clock=clock)

    # Then every session is there, once
    eventually(lambda: GameSession.objects.count() >= len(expected), within=30)
    eventually(lambda: not queues.hlen("dramatiq:games.msgs"), within=10)
    expect_calendar(expected)
    assert Generation.objects.latest().slot == datetime.fromisoformat("2026-09-25T05:00:00+10:00")

    # When the whole window is asked for again
    before = state()
    processes.manage("generate_sessions", "--wait")

    # Then the games have all been looked at again, and nothing is written
    again = Generation.objects.get(slot=None)
    assert again.sent == len({row for row in before["games"] if row[1]})
    assert state() == before


def state() -> dict[str, list[tuple[object, ...]]]:
    return {
        "sessions": list(GameSession.objects.order_by("pk").values_list()),
        "games": list(Game.objects.order_by("pk").values_list("pk", "generated_through", "generation_error")),
    }
