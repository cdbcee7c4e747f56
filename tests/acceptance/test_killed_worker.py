"""A worker process that is killed costs seconds, never sessions."""

from datetime import datetime, timedelta

import redis

from events.models import GameSession
from tests.acceptance.conftest import Start
from tests.acceptance.league import create_league, expect_calendar
from tests.processes import Clock
from tests.waiting import eventually


def test_the_calendar_gets_whole_though_a_worker_process_is_killed_at_work(start: Start, queues: redis.Redis) -> None:
    # Given a generation that is under way
    clock = Clock(datetime.fromisoformat("2026-09-25T06:00:00+10:00"), rate=10)
    league = create_league(1500)
    expected = league.expected(clock.now())
    processes = start("worker", "scheduler", clock=clock, deployed=clock.now() - timedelta(hours=2), WORKER_THREADS="2")
    eventually(lambda: GameSession.objects.count() > len(expected) / 10, within=30, every=0.01)
    first, second = eventually(lambda: processes.children("worker"), within=5)

    # When the kernel takes one of the worker's processes away
    first.kill()
    held = held_messages(queues)

    # Then it was in the middle of things
    assert GameSession.objects.count() < len(expected)
    assert held

    # And the platform starts the worker again, which does the rest, with what the dead one had taken
    eventually(lambda: not {first, second} & set(processes.children("worker")), within=20)
    eventually(lambda: GameSession.objects.count() >= len(expected), within=60)
    eventually(lambda: not queues.hlen("dramatiq:games.msgs"), within=30)
    expect_calendar(expected)


def held_messages(queues: redis.Redis) -> int:
    """How many messages of the fan-out workers have taken and not finished."""
    return sum(int(queues.scard(key)) for key in queues.scan_iter("dramatiq:__acks__.*.games"))
