"""A venue's day begins and nothing happens: the horizon moves at 05:00, not at each venue's midnight."""

from datetime import UTC, datetime, timedelta

import redis

from events.models import Game, GameSession
from tests.acceptance.conftest import Start
from tests.acceptance.league import create_league, expect_calendar, fill_calendar
from tests.processes import COMMANDS, Clock
from tests.waiting import eventually
from workers.models import Clock as Heartbeat
from workers.models import Generation

NEVER = datetime(1, 1, 1, tzinfo=UTC)


def test_at_a_minute_past_a_venues_midnight_nothing_is_sent(start: Start, queues: redis.Redis) -> None:
    # Given a calendar filled last night, and little patience with games that lag
    last_night = datetime.fromisoformat("2026-09-25T05:00:00+10:00")
    league = create_league(60)
    fill_calendar(last_night)
    before = state()

    # When the clock ticks over midnight in Sydney, and on to 00:02
    midnight = datetime.fromisoformat("2026-09-26T00:00:00+10:00")
    clock = Clock(midnight - timedelta(seconds=160), rate=10)
    processes = start("scheduler", clock=clock, RESEND_AFTER_SECONDS="1")
    # By a worker for whom a message about a game would stay where it was sent, to be seen afterwards
    processes.supervisor.keep("worker", f"{COMMANDS['worker']} --queues clock default")
    eventually(lambda: NEVER < last_tick() < midnight, within=20)
    eventually(lambda: last_tick() >= midnight + timedelta(minutes=2), within=40)

    # Then workers have had ticks to do, before and after, and no game
    assert queues.keys("dramatiq:games*") == []
    assert state() == before
    expect_calendar(league.expected(last_night))


def last_tick() -> datetime:
    return Heartbeat.objects.values_list("last_tick", flat=True).first() or NEVER


def state() -> list[object]:
    return [list(model.objects.order_by("pk").values()) for model in (Game, GameSession, Generation)]
