"""A platform that restarts everything: SIGTERM to each process, and SIGKILL 30 s later to what is left."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import psutil
import pytest
import redis

from server.embedded import ended, free_port, until
from tests.acceptance.watching import notes
from tests.faults import calendar
from tests.faults.conftest import TRAPS, Start, Trial
from tests.processes import Clock, Processes
from tests.waiting import eventually
from workers.models import Run

MORNING = datetime.fromisoformat("2026-03-10T06:00:00+11:00")
NAMES = ("web", "worker", "scheduler")
RESTARTS = 10
JOBS = 300


@pytest.mark.fault(
    "SIGTERM, SIGKILL after 30 s, ten times under load", passes="0 lost; 95 % of processes gone within 25 s"
)
def test_ten_deploys_under_load(trial: Trial, start: Start, queues: redis.Redis) -> None:
    # Given many games, and many jobs that take from a moment to four seconds
    clock = Clock(MORNING, rate=2)
    nights = calendar.expected(calendar.make_games(3000), clock.now())
    port = free_port()
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "FAULTS_SLOW": "0.05", **TRAPS}
    processes = start(*NAMES, clock=clock, deployed=clock.now(), **settings)
    ask_for_jobs(clock)
    eventually(lambda: polling(queues, clock) == 2, within=60)
    processes.manage("generate_sessions")

    # When everything is restarted again and again
    gone: list[float] = []
    at_work = 0
    with visitor(port):
        for _ in range(RESTARTS):
            eventually(lambda: polling(queues, clock) == 2, within=60)
            time.sleep(3)  # of work
            at_work += Run.objects.filter(state="running").exists()
            gone += restart(processes)
    ended_at = time.monotonic()
    calendar.seconds_until_whole(nights, within=120)
    done = Run.objects.filter(actor="work", state="succeeded")
    until(lambda: done.count() == JOBS, seconds=120)
    seconds = time.monotonic() - ended_at

    difference = calendar.compare(nights)
    again = Counter(note.run for note in notes(queues, "load", "ended"))
    quick = sum(took <= 25 for took in gone) / len(gone)
    trial.found(
        trials=RESTARTS,
        lost=difference.lost + JOBS - done.count(),
        duplicated=difference.duplicated + sum(n - 1 for n in again.values()),
        unexpected=difference.unexpected,
        recovered=RESTARTS if difference.none() and done.count() == JOBS else 0,
        seconds=seconds,
        note=f"{len(gone)} processes, {quick:.0%} of them gone within 25 s, the slowest in {max(gone):.1f} s",
    )

    # Then nothing is lost, and they went in time
    assert at_work >= RESTARTS / 2, "there was too little load to say anything"
    assert difference.none(), str(difference)
    assert done.count() == JOBS, f"{JOBS - done.count()} of {JOBS} jobs were not done"
    assert quick >= 0.95, f"only {quick:.0%} of the processes were gone within 25 s"


def ask_for_jobs(clock: Clock) -> None:
    """Queued runs, which a tick sends: this process's own broker is another Redis."""
    length = random.Random(4)
    now = clock.now()
    Run.objects.bulk_create(
        Run(
            actor="work",
            kwargs={"name": "load", "seconds": length.uniform(0.1, 4)},
            cause="manual",
            created_at=now,
            due_at=now,
        )
        for _ in range(JOBS)
    )


def polling(queues: redis.Redis, clock: Clock) -> int:
    """How many worker processes have asked for messages in the last second and a half."""
    since = (clock.now().timestamp() - 1.5 * clock.rate) * 1000
    return int(queues.zcount("dramatiq:__heartbeats__", since, "+inf"))


def restart(processes: Processes) -> list[float]:
    """Ask every process to end, kill what is left after 30 s; how long each took."""
    family = [process for name in NAMES for process in [*leaders(processes, name), *processes.children(name)]]
    since = time.monotonic()
    took: dict[int, float] = {}
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    while len(took) < len(family) and time.monotonic() - since < 30:
        took |= {p.pid: time.monotonic() - since for p in family if p.pid not in took and ended(p)}
        time.sleep(0.05)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    processes.forget_crashes()
    return [took.get(process.pid, 30.0) for process in family]


def leaders(processes: Processes, name: str) -> list[psutil.Process]:
    kept = [kept.process for kept in processes.supervisor.kept if kept.name == name and kept.process]
    return [psutil.Process(process.child.pid) for process in kept]


@contextmanager
def visitor(port: int) -> Iterator[None]:
    """Somebody who looks at the pages all the time, and does not mind that nobody answers during a restart."""
    leave = threading.Event()

    def visit() -> None:
        while not leave.wait(0.1):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/", headers={"Host": "localhost", "X-Forwarded-Proto": "https"})
                connection.getresponse().read()
            connection.close()

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()
