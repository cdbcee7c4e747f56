"""A job and a game that no worker process outlives."""

from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import pytest
import redis
from django.db.models import F, Max, QuerySet

from events.models import Game, GameSession
from tests.acceptance.watching import grid, make_job
from tests.faults import calendar, slots
from tests.faults.conftest import Start, Trial
from tests.faults.duties.actors import WORK
from tests.faults.edges import POLICY
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Incident, Run, ScheduledJob

LASTS = timedelta(seconds=120)


@pytest.mark.fault("a poison message", passes="quarantined after ≤ 3 deaths, reported; others start within 60 s")
def test_what_kills_its_worker_is_put_aside(trial: Trial, start: Start, queues: redis.Redis) -> None:
    # Given two hundred games, one of which is poison, and a poisonous job beside one that is due every ten seconds
    clock = Clock(datetime.fromisoformat("2026-09-25T06:00:00+10:00"))
    games = calendar.make_games(200)
    Game.objects.filter(pk=games[100].pk).update(name="Hemlock")
    nights = calendar.expected([game for game in games if game != games[100]], clock.now())
    at = clock.starts_at + timedelta(seconds=15)
    bad = ScheduledJob(id="bad", actor="poison", trigger={"type": "date", "run_date": at.isoformat()}, **POLICY)
    bad.save(now=clock.starts_at)
    others = grid(at, at + LASTS, 10)
    make_job("good", {"type": "interval", "seconds": 10}, clock.starts_at, start_at=at, end_at=at + LASTS, **POLICY)

    # When the calendar is to be filled, and the jobs are due
    settings = {"POISONED_GAME": "Hemlock", "BROKER_HEARTBEAT_SECONDS": "10", **WORK}
    start("worker", "scheduler", clock=clock, deployed=clock.now() - timedelta(hours=2), **settings)
    since = monotonic()
    eventually(lambda: GameSession.objects.count() >= len(nights), within=120)
    went_on = monotonic() - since
    eventually(lambda: Run.objects.get(job="bad").state == "failed", within=240)
    eventually(lambda: Game.objects.get(name="Hemlock").generation_error, within=240)
    seconds = monotonic() - since
    eventually(lambda: slots.compare({"good": others}, at, at + LASTS).none(), within=200)
    good = Run.objects.filter(job="good")
    late = lateness(good.filter(attempts=1))
    beside = good.filter(attempts__gt=1)  # they ran beside the job when it ended their worker

    # Then each killed three workers at most, and is there for anybody to see
    deaths = {what: int(queues.get(f"deaths:{what}") or 0) for what in ("game", "job")}
    found = slots.total(calendar.compare(nights), slots.compare({"good": others}, at, at + LASTS))
    trial.found(
        trials=2,
        lost=found.lost,
        duplicated=found.duplicated,
        unexpected=found.unexpected,
        recovered=sum(0 < n <= 3 for n in deaths.values()),
        seconds=seconds,
        note=f"the game ended {deaths['game']} processes, the job {deaths['job']}; the other games took "
        f"{went_on:.0f} s, other jobs began {late.total_seconds():.1f} s late at most, {beside.count()} died beside"
        f" it and were done {lateness(beside).total_seconds():.0f} s later; heartbeats of 10 s",
    )
    eventually(lambda: set(told()) == {("job", "bad"), ("game", str(games[100].pk))}, within=70)
    assert all(0 < n <= 3 for n in deaths.values())
    assert "3 worker processes died with it" in Game.objects.get(name="Hemlock").generation_error
    assert "WorkerDied" in Run.objects.get(job="bad").error
    assert went_on < 60
    assert late < timedelta(seconds=60)
    assert found.none()
    assert not good.exclude(state="succeeded")


def told() -> Any:
    """The kinds and subjects of the troubles that people have been told of."""
    return Incident.objects.filter(kind__in=["job", "game"], told_at__isnull=False).values_list("kind", "subject")


def lateness(runs: QuerySet[Run]) -> timedelta:
    """How long after its slot the last of them started."""
    worst: timedelta | None = runs.aggregate(worst=Max(F("started_at") - F("slot")))["worst"]
    return worst or timedelta(0)
