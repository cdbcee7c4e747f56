"""A backlog is worked off while the clock ticks on, and nothing of it is sent a second time."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise

import redis

from events.models import Game, Venue
from tests.acceptance.conftest import Start
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Clock as Heartbeat
from workers.models import Generation

GAMES = 40_000


def test_a_backlog_of_forty_thousand_games_is_not_sent_twice_and_ticks_keep_their_minute(
    start: Start, queues: redis.Redis
) -> None:
    # Given games that have nothing to write yet, and a reconciler without patience
    create_games()
    clock = Clock(datetime.fromisoformat("2026-09-25T06:00:20+10:00"), rate=10)

    # When the night is made up for, and the clock ticks five times over the backlog
    settings = {"RESEND_AFTER_SECONDS": "1", "WORKER_PROCESSES": "1", "WORKER_THREADS": "2"}
    start("worker", "scheduler", clock=clock, deployed=clock.now() - timedelta(hours=2), **settings)
    eventually(lambda: Generation.objects.filter(sent=GAMES).exists(), within=60)
    ticks: list[datetime] = []
    eventually(lambda: len(noted(ticks)) == 5, within=120)

    # Then every minute of that time had its tick
    minutes = [tick.replace(second=0, microsecond=0) for tick in ticks]
    assert [later - earlier for earlier, later in pairwise(minutes)] == [timedelta(minutes=1)] * 4

    # And what is done and what is left are the games, each once, and some ticks and jobs: no thousands sent again
    left, done = messages(queues)
    assert left > 1000, "there was no backlog"
    assert GAMES <= left + done <= GAMES + 100


def create_games() -> None:
    venue = Venue(name="Star", slug="star")
    Venue.objects.bulk_create([venue])
    games = [
        Game(venue=venue, name=f"Game {n}", start_date=date(2027, 1, 1), start_time=time(19), recurrence="daily")
        for n in range(GAMES)
    ]
    Game.objects.bulk_create(games, batch_size=2000)


def noted(ticks: list[datetime]) -> list[datetime]:
    """The ticks seen so far, with the last one that there was."""
    tick = Heartbeat.objects.values_list("last_tick", flat=True).get()
    if tick and tick not in ticks:
        ticks.append(tick)
    return ticks


def messages(queues: redis.Redis) -> tuple[int, int]:
    """How many messages of the fan-out are left, and how many messages have been done since Redis started.

    A message that is done is taken out of the set of those at work; nothing else is.
    """
    pipe = queues.pipeline()  # the two at one moment
    pipe.hlen("dramatiq:games.msgs")
    pipe.info("commandstats")
    left, commands = pipe.execute()
    return left, commands["cmdstat_srem"]["calls"]
