"""A Redis that loses everything costs minutes, never sessions."""

from datetime import datetime, timedelta

import redis

from events.models import GameSession
from tests.acceptance.conftest import Start
from tests.acceptance.league import create_league, expect_calendar
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Generation


def test_the_calendar_gets_whole_though_redis_is_wiped_in_the_middle(start: Start, queues: redis.Redis) -> None:
    # Given a generation that is under way
    clock = Clock(datetime.fromisoformat("2026-09-25T06:00:00+10:00"), rate=10)
    league = create_league(1500)
    expected = league.expected(clock.now())
    settings = {"WORKER_THREADS": "2", "RESEND_AFTER_SECONDS": "30"}
    start("worker", "scheduler", clock=clock, deployed=clock.now() - timedelta(hours=2), **settings)
    eventually(lambda: GameSession.objects.count() > len(expected) / 10, within=30, every=0.01)

    # When Redis forgets it all
    lost = queues.llen("dramatiq:games")
    queues.flushall()

    # Then hundreds of games were still to be done, and the reconciler has them done
    assert lost > 100
    eventually(lambda: GameSession.objects.count() >= len(expected), within=90)
    eventually(lambda: not queues.hlen("dramatiq:games.msgs"), within=10)
    expect_calendar(expected)
    assert Generation.objects.count() == 1
