"""Redis killed, emptied, frozen, read-only and full. It only carries messages: what was lost is made good."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
import redis
from django.db.models import Q
from django.utils import timezone
from dramatiq.brokers.redis import RedisBroker

from events.models import Game, GameSession
from server.embedded import until
from tests.faults import calendar
from tests.faults.conftest import TRAPS, Start, Trial
from tests.faults.valkey import Valkey
from tests.processes import Clock, Processes
from tests.waiting import eventually
from workers import actors
from workers.models import Generation, Run

MORNING = datetime.fromisoformat("2026-03-10T06:00:00+11:00")


@pytest.fixture
def queues(valkey: Valkey) -> redis.Redis:
    return valkey.client


def restart_with_its_data(valkey: Valkey) -> None:
    valkey.kill()
    time.sleep(3)  # it is away for so long
    valkey.start()


def restart_without_its_data(valkey: Valkey) -> None:
    valkey.kill()
    time.sleep(3)
    valkey.start(with_its_data=False)


def flush(valkey: Valkey) -> None:
    valkey.client.flushall()


@pytest.mark.fault(
    "Redis `kill -9` and restart with and without its data; `FLUSHALL` mid-run",
    passes="everything there within 3 minutes, no restart by hand",
)
def test_redis_loses_what_it_had(trial: Trial, start: Start, valkey: Valkey) -> None:
    clock = Clock(MORNING, rate=3)
    games = calendar.make_games(1000)
    slow = {"FAULTS_SLOW": "0.03", "WORKER_THREADS": "2", **TRAPS}
    processes = start("worker", "scheduler", clock=clock, deployed=clock.now(), **slow)
    eventually(lambda: Generation.objects.exists() or processes.manage("generate_sessions"), within=40, every=1)

    troubles: dict[str, Callable[[Valkey], None]] = {
        "with its data": restart_with_its_data,
        "without its data": restart_without_its_data,
        "FLUSHALL": flush,
    }
    late = [
        part
        for part, trouble in troubles.items()
        if not survives(part, trouble, trial, processes, games, clock, valkey)
    ]
    assert not late, f"not whole within 3 minutes: {', '.join(late)}"


def survives(
    part: str,
    trouble: Callable[[Valkey], None],
    trial: Trial,
    processes: Processes,
    games: list[Game],
    clock: Clock,
    valkey: Valkey,
) -> bool:
    """Have an empty calendar filled, with some trouble for Redis in the middle; whether it gets whole in 3 minutes."""
    GameSession.objects.all().delete()
    Game.objects.update(generated_through=None, generation_error="")
    Generation.objects.all().delete()
    nights = calendar.expected(games, clock.now())
    processes.manage("generate_sessions")
    eventually(lambda: GameSession.objects.count() > len(nights) / 5, within=60, every=0.01)
    since = clock.now()
    trouble(valkey)
    in_the_middle = GameSession.objects.count() < len(nights)
    calendar.seconds_until_whole(nights, within=300 / clock.rate)
    seconds = (clock.now() - since).total_seconds()
    difference = calendar.compare(nights)
    recovered = difference.none() and seconds <= 180
    trial.found(
        part=part,
        trials=1,
        lost=difference.lost,
        duplicated=difference.duplicated,
        unexpected=difference.unexpected,
        recovered=int(recovered),
        passed=recovered,
        seconds=seconds,
        note="seconds of a clock three times as fast",
    )
    assert in_the_middle, "Redis went too late to be missed"
    return recovered


@pytest.mark.fault("a job fails while Redis is down, 20 times", passes="20 of 20 end succeeded or as a visible failure")
def test_jobs_fail_while_redis_is_down(trial: Trial, start: Start, valkey: Valkey, tmp_path: Path) -> None:
    clock = Clock(MORNING, rate=4)
    notes = tmp_path / "notes"
    notes.touch()
    settings = {"DATABASE_POOL": "14", **TRAPS}  # ten of the jobs at once in each process
    processes = start("worker", "scheduler", clock=clock, deployed=clock.now(), **settings)
    eventually(lambda: len(processes.children("worker")) == 2, within=40)
    for n in range(20):
        # Asked for as a queued run, so that a tick sends it: this process's own broker is another Redis.
        run = Run(actor="stumble", args=[str(tmp_path), f"job {n}"], cause="manual", created_at=clock.now())
        run.due_at = clock.now()
        run.save(force_insert=True)
    eventually(lambda: notes.read_text().count(" began 1") == 20, within=60)

    valkey.kill()
    (tmp_path / "go").touch()
    eventually(lambda: not Run.objects.filter(actor="stumble", state="running").exists(), within=40)
    valkey.start(with_its_data=False)
    since = time.monotonic()
    ended = Run.objects.filter(actor="stumble").filter(Q(state="succeeded") | Q(state="failed"))
    until(lambda: ended.count() == 20, seconds=90)
    seconds = time.monotonic() - since

    lines = notes.read_text().splitlines()
    finished = [line.partition(" ended ")[0] for line in lines if " ended " in line]
    trial.found(
        trials=20,
        lost=20 - ended.count(),
        duplicated=len(finished) - len(set(finished)),
        unexpected=Run.objects.filter(actor="stumble").count() - 20,
        recovered=ended.filter(state="succeeded").count(),
        seconds=seconds,
        note="Redis comes back empty",
    )
    assert ended.count() == 20, f"{20 - ended.count()} of 20 hang"
    assert len(finished) == len(set(finished)), "work that succeeded was done again"


# --- Frozen, read-only ------------------------------------------------------------------------------------


def every_consumer_works(processes: Processes, valkey: Valkey) -> bool:
    """Whether each process by itself takes messages of every queue, those that are delayed too."""
    children = processes.children("worker")
    if len(children) != 2 or polling(valkey) != 2:
        return False
    for other in children:
        other.suspend()
        try:
            sent = send_one_of_each(valkey)
            if not until(partial(all_taken, valkey, sent), seconds=8):
                return False
        finally:
            other.resume()
    return True


def polling(valkey: Valkey) -> int:
    """How many worker processes have asked for messages in the last second and a half."""
    return int(valkey.client.zcount("dramatiq:__heartbeats__", time.time() * 1000 - 1500, "+inf"))


def send_one_of_each(valkey: Valkey) -> set[str]:
    """A message to each queue now, and one after a moment; their ids."""
    broker = RedisBroker(client=valkey.client, middleware=[])
    now = [
        actors.dispatch_due_jobs.message(),
        actors.create_sessions_for_game.message(0),
        actors.scheduled_job.message(),
    ]
    later = [
        actors.dispatch_due_jobs.message(),
        actors.create_sessions_for_game.message(0),
        actors.scheduled_job.message(),
    ]
    for message in now:
        broker.enqueue(message)
    for message in later:
        broker.enqueue(message, delay=200)
    return {message.message_id for message in (*now, *later)}


def all_taken(valkey: Valkey, sent: set[str]) -> bool:
    return not sent & set(waiting(valkey))


def waiting(valkey: Valkey) -> list[str]:
    """The ids of the messages that wait, are delayed or are being worked on."""
    queues = ("clock", "games", "default", "clock.DQ", "games.DQ", "default.DQ")
    entries = [entry for name in queues for entry in valkey.client.hvals(f"dramatiq:{name}.msgs")]
    return [json.loads(entry)["message_id"] for entry in entries]


def freeze(valkey: Valkey) -> None:
    valkey.freeze()
    time.sleep(14)
    valkey.thaw()


def make_read_only(valkey: Valkey) -> None:
    valkey.client.replicaof("127.0.0.1", "1")
    time.sleep(14)
    valkey.client.replicaof("NO", "ONE")


@pytest.mark.fault(
    "Redis frozen 14 s; made a read-only replica and back", passes="no worker left with a dead consumer after 60 s"
)
def test_redis_stands_still_or_takes_nothing(trial: Trial, start: Start, valkey: Valkey) -> None:
    clock = Clock(timezone.now())  # delayed messages name the time, and these come from this process
    processes = start("worker", "scheduler", clock=clock, deployed=clock.now())
    eventually(lambda: len(processes.children("worker")) == 2, within=40)
    assert until(lambda: every_consumer_works(processes, valkey), seconds=30)
    dead = []
    for part, trouble in (("frozen", freeze), ("read-only", make_read_only)):
        keep_some_delayed(valkey)
        trouble(valkey)
        since = time.monotonic()
        works = until(lambda: every_consumer_works(processes, valkey), seconds=60)
        seconds = time.monotonic() - since
        until(lambda: not waiting(valkey), seconds=30)
        trial.found(
            part=part,
            trials=1,
            lost=len(waiting(valkey)),
            recovered=int(works),
            passed=works and not waiting(valkey),
            seconds=seconds,
            note="each process alone takes messages of all queues, delayed ones too",
        )
        if not works or waiting(valkey):
            dead.append(f"{part}: {'a consumer is dead' if not works else f'{len(waiting(valkey))} messages lie'}")
    assert not dead, "; ".join(dead)


def keep_some_delayed(valkey: Valkey) -> None:
    """Messages that consumers hold while the trouble is on: it was these that killed their threads."""
    broker = RedisBroker(client=valkey.client, middleware=[])
    for _ in range(10):
        broker.enqueue(actors.scheduled_job.message(), delay=5_000)
