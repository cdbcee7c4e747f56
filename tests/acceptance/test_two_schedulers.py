"""Any number of schedulers may run: what each of them sends, PostgreSQL lets happen once."""

import json
from datetime import datetime

import redis

from events.models import GameSession
from tests.acceptance.conftest import Start
from tests.acceptance.league import create_league, expect_calendar, note_generation
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Generation


def test_two_schedulers_and_a_third_started_within_the_minute_make_one_generation(
    start: Start, queues: redis.Redis
) -> None:
    # Given two schedulers, and no worker for the moment
    clock = Clock(datetime.fromisoformat("2026-09-25T04:59:30+10:00"), rate=5)
    league = create_league(60)
    note_generation(datetime.fromisoformat("2026-09-24T05:00:00+10:00"))
    processes = start("scheduler", "scheduler", clock=clock)

    # When it gets 05:00, and a third starts before 05:01
    eventually(lambda: asked_for(queues) == 2, within=20)
    processes.start("scheduler")
    eventually(lambda: asked_for(queues) == 3, within=10)

    # Then the worker's processes and threads, which find three messages at once, begin one generation
    processes.start("worker")
    expected = league.expected(datetime.fromisoformat("2026-09-25T05:00:00+10:00"))
    eventually(lambda: GameSession.objects.count() >= len(expected), within=30)
    eventually(lambda: not queues.hlen("dramatiq:games.msgs") and not asked_for(queues), within=10)
    expect_calendar(expected)
    assert Generation.objects.filter(slot=datetime.fromisoformat("2026-09-25T05:00:00+10:00")).count() == 1
    assert Generation.objects.count() == 2


def asked_for(queues: redis.Redis) -> int:
    """How many messages that ask for a generation have not been worked off."""
    messages = [json.loads(data) for data in queues.hvals("dramatiq:clock.msgs")]
    return len([message for message in messages if message["actor_name"] == "generate_upcoming_game_sessions"])
