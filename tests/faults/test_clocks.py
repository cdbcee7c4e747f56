"""Clocks that are wrong for 100 seconds, and hosts whose clocks differ: slots and nights as if nothing had been."""

import shlex
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis

from tests.acceptance.watching import grid, make_job, settled
from tests.faults import calendar, slots
from tests.faults.calendar import Difference
from tests.faults.conftest import Start, Trial
from tests.faults.duties.actors import WORK
from tests.faults.edges import POLICY
from tests.processes import COMMANDS, Clock
from tests.waiting import eventually
from workers.models import Clock as Heartbeat
from workers.models import Incident, Run

START = datetime.fromisoformat("2026-03-10T13:00:30+11:00")
RATE = 2
PASSES = "0 lost, 0 doubled, and an alarm that says whose clock it was"
HOUR = 3600


@pytest.mark.fault("the clocks of all processes wrong for 100 s", passes=PASSES)
@pytest.mark.parametrize(
    ("seconds", "part"), [(10 * HOUR, "+10 h"), (365 * 24 * HOUR, "+1 year"), (-HOUR, "−1 h")], ids=str
)
def test_clocks_that_are_stepped_and_right_again(
    trial: Trial, start: Start, queues: redis.Redis, tmp_path: Path, seconds: int, part: str
) -> None:
    # Given a job every 20 seconds, and games whose calendar is full
    clock, wrong = Clock(START, rate=RATE), tmp_path / "wrong"
    nights = calendar.expected(calendar.make_games(30), clock.now())
    make_job("often", {"type": "interval", "seconds": 20}, clock.starts_at, **POLICY)
    processes = start("worker", "scheduler", clock=clock, CLOCK_AHEAD=str(wrong), **WORK)
    processes.manage("generate_sessions")
    eventually(lambda: Run.objects.filter(job_id="often", state="succeeded").exists(), within=90)

    # When all clocks are wrong for 100 seconds, and right again
    wrong.write_text(str(seconds))
    until(clock, clock.now() + timedelta(seconds=100))
    wrong.unlink()
    right = clock.now()
    until(clock, right + timedelta(seconds=130))

    # Then each slot has its one run, and somebody was told
    due = {"often": grid(clock.starts_at + timedelta(seconds=20), right + timedelta(seconds=100), 20)}

    def difference() -> Difference:
        return slots.total(slots.compare(due, due["often"][0], due["often"][-1]), calendar.compare(nights))

    eventually(lambda: difference().none() and settled(queues), within=60)
    told = Incident.objects.filter(kind="clock", said__contains="the worker on").exists()
    found = difference()
    trial.found(
        part=part,
        trials=len(due["often"]),
        lost=found.lost,
        duplicated=found.duplicated,
        unexpected=found.unexpected,
        recovered=int(told),
    )
    assert found.none()
    assert told
    assert not Run.objects.filter(attempts__gt=1).exists()
    assert not Incident.objects.filter(kind="clock", closed_at=None).exists()


@pytest.mark.fault("two workers whose clocks are 30 s apart", passes=PASSES)
def test_workers_whose_clocks_are_apart(trial: Trial, start: Start, queues: redis.Redis, tmp_path: Path) -> None:
    # Given two workers, one of which is 30 seconds behind, and a job that works for longer than three heartbeats
    clock, behind = Clock(START, rate=RATE), tmp_path / "behind"
    behind.write_text("-30")
    make_job("often", {"type": "interval", "seconds": 20}, clock.starts_at, **POLICY)
    make_job("long", {"type": "interval", "seconds": 60}, clock.starts_at, seconds=20, **POLICY)
    processes = start("worker", "scheduler", clock=clock, **WORK)
    command = f"env CLOCK_AHEAD={shlex.quote(str(behind))} {COMMANDS['worker']}"
    processes.supervisor.keep("a worker that is behind", command)

    # When they work for four minutes
    last = clock.starts_at + timedelta(seconds=240)
    until(clock, last)

    # Then each slot has its one run, at the first attempt, and somebody was told
    due = {
        "often": grid(clock.starts_at + timedelta(seconds=20), last, 20),
        "long": grid(clock.starts_at + timedelta(seconds=60), last, 60),
    }
    eventually(lambda: slots.compare(due, clock.starts_at, last).none() and settled(queues), within=120)
    again = Run.objects.filter(attempts__gt=1).count()
    found = slots.compare(due, clock.starts_at, last)
    told = Incident.objects.filter(kind="clock", said__contains="30 s behind").exists()
    trial.found(
        trials=sum(map(len, due.values())),
        lost=found.lost,
        duplicated=found.duplicated + again,
        unexpected=found.unexpected,
        recovered=int(told),
    )
    assert found.none()
    assert again == 0
    assert told


def until(clock: Clock, moment: datetime) -> None:
    eventually(lambda: clock.now() > moment, within=240)
    assert Heartbeat.objects.exists()
