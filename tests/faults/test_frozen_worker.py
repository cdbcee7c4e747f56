"""A worker process that stands still for longer than its heart may, in the middle of a job and of games."""

import time
from datetime import datetime, timedelta

import pytest
import redis

from events.models import GameSession
from server.embedded import until
from tests.acceptance.watching import WORK, make_job, notes
from tests.faults import calendar
from tests.faults.conftest import Start, Trial
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Run

SLOT = datetime.fromisoformat("2026-03-10T13:01:00+11:00")


@pytest.mark.fault("SIGSTOP past the heartbeat, then SIGCONT", passes="one result in the database")
def test_a_frozen_worker_that_wakes_up_adds_nothing(trial: Trial, start: Start, queues: redis.Redis) -> None:
    # Given a job that does not end by itself, and games that are being generated around it
    clock = Clock(SLOT - timedelta(seconds=16), rate=2)
    nights = calendar.expected(calendar.make_games(1000), clock.now())
    make_job("held", {"type": "date", "run_date": SLOT.isoformat()}, clock.starts_at, hold=True)
    settings = {"WORKER_PROCESSES": "1", "BROKER_HEARTBEAT_SECONDS": "30", "RESEND_AFTER_SECONDS": "60", **WORK}
    processes = start("worker", "worker", "scheduler", clock=clock, **settings)
    begun = eventually(lambda: notes(queues, "held"), within=30)[0]
    processes.manage("generate_sessions")
    eventually(lambda: GameSession.objects.count() > len(nights) / 10, within=30, every=0.01)

    # When the process that holds it stands still, until another has done it all
    (frozen,) = [child for child in processes.children("worker") if child.pid == begun.pid]
    frozen.suspend()
    since = time.monotonic()
    try:
        taken_over = until(lambda: Run.objects.get(job_id="held").state == "succeeded", seconds=90)
        whole = calendar.seconds_until_whole(nights, within=120)
        seconds = time.monotonic() - since
        before = state()
        queues.set("held:go", "1")
    finally:
        frozen.resume()

    # And wakes up, and finishes what it had begun
    eventually(lambda: [note for note in notes(queues, "held", "ended") if note.pid == begun.pid], within=10)
    eventually(lambda: not queues.hlen("dramatiq:default.msgs") and not queues.hlen("dramatiq:games.msgs"), within=60)
    difference = calendar.compare(nights)
    changed = whole is not None and state() != before  # else they were only late
    trial.found(
        trials=1,
        lost=difference.lost,
        duplicated=difference.duplicated + changed,
        unexpected=difference.unexpected,
        recovered=int(taken_over and whole is not None and not changed and difference.none()),
        seconds=seconds,
        note="a job and the games around it",
    )

    # Then all is as the others made it
    assert taken_over, "the run waited for the process that stood still"
    assert whole is not None, "games waited for the process that stood still"
    assert not changed, "the process that woke up changed what others had done"
    assert difference.none()


def state() -> list[object]:
    return [
        Run.objects.filter(job_id="held").values().get(),
        list(GameSession.objects.order_by("pk").values_list()),
    ]
