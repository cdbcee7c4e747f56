"""Two schedulers, one of which is started again and again within the minute in which everything fires."""

import signal
from datetime import datetime, timedelta

import pytest
import redis

from tests.acceptance.watching import grid, make_job, notes, settled
from tests.faults import slots
from tests.faults.calendar import Difference
from tests.faults.conftest import Start, Trial
from tests.faults.duties.actors import BY_PERIODIQ, WORK
from tests.faults.edges import POLICY, declare
from tests.processes import COMMANDS, Clock, Processes
from tests.waiting import eventually
from workers.models import Run

RATE = 6
MINUTES = 10
BY_STAFF = ("one", "two", "three")


@pytest.mark.fault("two schedulers, ten restarts inside the firing minute, 50 slots", passes="one run a slot")
def test_two_schedulers_and_ten_restarts(
    trial: Trial, start: Start, queues: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given five jobs that are due every minute, two of them fired by periodiq
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:30+10:00"), rate=RATE)
    first = clock.starts_at + timedelta(minutes=1, seconds=30)
    last = first + timedelta(minutes=MINUTES - 1)
    for job in BY_STAFF:
        make_job(job, {"type": "cron", "minute": "*"}, clock.starts_at, start_at=first, **POLICY)
    declare({name: spec for name, spec in BY_PERIODIQ.items() if "minute" in name}, "Australia/Sydney", monkeypatch)
    due = dict.fromkeys((*BY_STAFF, "every_minute", "every_minute_too"), grid(first, last, 60))
    processes = start("worker", "scheduler", clock=clock, **WORK)

    # When, in each of ten minutes, a second scheduler is killed and started again
    restarts = 0
    for minute in grid(first, last, 60):
        wait_for(clock, minute + timedelta(seconds=3))
        restart(processes, "another scheduler")
        restarts += clock.now().replace(second=0, microsecond=0) == minute
    wait_for(clock, last + timedelta(minutes=1))
    eventually(lambda: slots.compare(due, first, last).none() and settled(queues), within=60)

    # Then each slot has one run, which was made once
    begun = [note.run for job in BY_STAFF for note in notes(queues, job, "began")]
    again = Difference(lost=0, duplicated=len(begun) - len(set(begun)), unexpected=0)
    found = slots.total(slots.compare(due, first, last), again)
    trial.found(
        trials=sum(map(len, due.values())),
        lost=found.lost,
        duplicated=found.duplicated,
        unexpected=found.unexpected,
        note=f"{restarts} restarts, {RATE} times as fast",
    )
    assert restarts == MINUTES
    assert found.none()
    runs = Run.objects.filter(job__in=due, slot__range=(first, last))
    assert set(runs.values_list("state", "attempts")) == {("succeeded", 1)}


def wait_for(clock: Clock, moment: datetime) -> None:
    eventually(lambda: clock.now() > moment, within=120)


def restart(processes: Processes, name: str) -> None:
    """Kill the scheduler called `name`, if there is one, and start another in its place."""
    found = [kept for kept in processes.supervisor.kept if kept.name == name]
    for kept in found:
        processes.supervisor.kept.remove(kept)
        if kept.process:
            kept.process.child.send_signal(signal.SIGKILL)
            kept.process.child.wait(timeout=10)
    processes.supervisor.keep(name, COMMANDS["scheduler"])
