"""A worker process that dies in the middle of a run, and one that stands still and wakes up."""

from datetime import datetime, timedelta
from typing import Any

import psutil
import pytest
import redis

from tests.acceptance.conftest import Start
from tests.acceptance.watching import WORK, Note, make_job, notes
from tests.processes import Clock, Processes
from tests.waiting import eventually
from workers.models import Run

SLOT = datetime.fromisoformat("2026-09-25T13:01:00+10:00")


@pytest.fixture
def clock() -> Clock:
    return Clock(SLOT - timedelta(seconds=16), rate=2)  # faster, and hearts of real time would beat too slowly


@pytest.fixture
def processes(start: Start, clock: Clock) -> Processes:
    """Two workers of one process each, and a job whose first call does not end by itself."""
    make_job("held", {"type": "date", "run_date": SLOT.isoformat()}, clock.starts_at, hold=True)
    return start("worker", "worker", "scheduler", clock=clock, WORKER_PROCESSES="1", **WORK)


def holder(processes: Processes, queues: redis.Redis) -> tuple[Note, psutil.Process]:
    """The first note of the job, and the worker process that holds its run."""
    begun = eventually(lambda: notes(queues, "held"), within=30)[0]
    eventually(lambda: Run.objects.get().state == "running", within=1)
    (process,) = [child for child in processes.children("worker") if child.pid == begun.pid]
    return begun, process


def row() -> dict[str, Any]:
    return dict(Run.objects.values().get())


def test_a_run_whose_worker_is_killed_is_tried_again_and_finished_once(
    processes: Processes, clock: Clock, queues: redis.Redis
) -> None:
    # Given a run in the middle of its work
    begun, process = holder(processes, queues)

    # When the kernel takes its process away
    process.kill()
    killed = clock.now()

    # Then its place is free within 90 seconds
    eventually(lambda: row()["state"] != "running" or row()["attempts"] > 1, within=50)
    assert clock.now() - killed < timedelta(seconds=90)

    # And another process does it all over, and finishes it, once
    eventually(lambda: row()["state"] == "succeeded", within=30)
    again = notes(queues, "held")[1:]
    assert [(note.run, note.attempt, note.what) for note in again] == [(begun.run, 2, "began"), (begun.run, 2, "ended")]
    assert row()["attempts"] == 2
    assert row()["result"] == f"held of {again[-1].pid}"
    assert again[-1].pid != begun.pid


def test_a_frozen_worker_that_wakes_up_changes_nothing(processes: Processes, clock: Clock, queues: redis.Redis) -> None:
    # Given a run whose process stands still for longer than its heart may
    begun, process = holder(processes, queues)
    process.suspend()
    try:
        eventually(lambda: row()["state"] == "succeeded", within=60)
        before = row()
        told = notes(queues, "held")
        assert [(note.attempt, note.what) for note in told[1:]] == [(2, "began"), (2, "ended")]

        # When it wakes up, and finishes what it had begun
        queues.set("held:go", "1")
    finally:
        process.resume()
    eventually(lambda: len(notes(queues, "held")) == 4, within=10)
    eventually(lambda: not queues.exists("dramatiq:default.msgs"), within=20)  # its message is done with

    # Then the run is what the second attempt made of it
    assert [(note.attempt, note.what) for note in notes(queues, "held")[3:]] == [(1, "ended")]
    assert row() == before
    assert row()["attempts"] == 2
    assert row()["result"] != f"held of {begun.pid}"
