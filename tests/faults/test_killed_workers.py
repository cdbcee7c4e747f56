"""Worker processes that the kernel takes away: at random, and in the worst places there are."""

import random
import time
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest
import redis

from events.models import Game, GameSession
from server.embedded import until
from tests.faults import calendar
from tests.faults.conftest import TRAPS, Start, Trial
from tests.processes import Clock, Processes
from tests.waiting import eventually
from workers.models import Generation

MORNING = datetime.fromisoformat("2026-03-10T06:00:00+11:00")

#: How long a dead process's messages wait, in seconds of the clock; half of what is usual, so that twenty trials fit.
QUICK = {"BROKER_HEARTBEAT_SECONDS": "30"}


@pytest.mark.fault(
    "a random worker process `kill -9` every 5 s while 1,000 games generate", passes="0 missing, 0 duplicate"
)
def test_killed_at_random(trial: Trial, start: Start, queues: redis.Redis) -> None:
    clock = Clock(MORNING, rate=4)
    nights = calendar.expected(calendar.make_games(1000), clock.now())
    slow = {"FAULTS_SLOW": "0.03", "WORKER_THREADS": "4", **TRAPS}
    processes = start("worker", "scheduler", clock=clock, deployed=MORNING - timedelta(hours=2), **slow)
    eventually(GameSession.objects.exists, within=40)

    killed, since = 0, time.monotonic()
    while not until(lambda: GameSession.objects.count() >= len(nights), seconds=5) and time.monotonic() - since < 200:
        processes.forget_crashes()
        if children := processes.children("worker"):
            random.choice(children).kill()
            killed += 1
    seconds = time.monotonic() - since

    difference = calendar.compare(nights)
    trial.found(
        trials=killed,
        lost=difference.lost,
        duplicated=difference.duplicated,
        unexpected=difference.unexpected,
        recovered=killed if difference.none() else 0,
        seconds=seconds,
        note="from the first kill to the last session",
    )
    assert difference.none(), f"{difference} after {seconds:.0f} s and {killed} kills"
    assert killed >= 5, "too few were killed to say anything"
    assert not Game.objects.exclude(generation_error="").exists(), "a game was blamed for what the kernel did"


@pytest.mark.fault(
    "`kill -9` before the insert, after the commit, before the ack (20 times)",
    passes="complete within 120 s, 20 of 20",
)
def test_killed_in_the_worst_places(trial: Trial, start: Start, queues: redis.Redis, tmp_path: Path) -> None:
    clock = Clock(MORNING, rate=4)
    traps = tmp_path / "traps"
    traps.mkdir()
    games = calendar.make_games(40)
    processes = start(
        "worker", "scheduler", clock=clock, deployed=clock.now(), FAULTS_TRAPS=str(traps), **QUICK, **TRAPS
    )
    eventually(lambda: len(processes.children("worker")) == 2, within=40)

    places = [("insert", "commit", "ack")[n % 3] for n in range(20)]
    took = [kill_at(place, processes, games, clock, traps) for place in places]

    difference = calendar.compare(calendar.expected(games, clock.now()))
    in_time = [seconds for seconds in took if seconds is not None and seconds <= 120]
    trial.found(
        trials=len(took),
        lost=difference.lost,
        duplicated=difference.duplicated,
        unexpected=difference.unexpected,
        recovered=len(in_time),
        seconds=max(in_time, default=0),
        note="on a clock four times as fast, in seconds of that clock",
    )
    late = [place for place, seconds in zip(places, took, strict=True) if seconds is None or seconds > 120]
    assert not late, f"not whole after 120 s when killed at: {', '.join(late)}"
    assert difference.none(), str(difference)


def kill_at(place: str, processes: Processes, games: list[Game], clock: Clock, traps: Path) -> float | None:
    """Empty the calendar, have it filled, let a process fall into a trap on the way; how long until it is whole.

    In seconds of the clock; None when the process did not die, or the calendar was not whole in 150 of them.
    """
    GameSession.objects.all().delete()
    Game.objects.update(generated_through=None, generation_error="")
    Generation.objects.all().delete()
    before = set(processes.children("worker"))
    (traps / place).touch()
    processes.manage("generate_sessions")
    if not until(lambda: any(gone(process) for process in before), seconds=20):
        return None
    died = clock.now()
    processes.forget_crashes()
    nights = calendar.expected(games, clock.now())
    if calendar.seconds_until_whole(nights, within=150 / clock.rate) is None:
        return None
    seconds = (clock.now() - died).total_seconds()
    eventually(
        lambda: len(processes.children("worker")) == 2 and not before & set(processes.children("worker")), within=40
    )
    return seconds


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
