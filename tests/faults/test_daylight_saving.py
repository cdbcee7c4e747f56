"""Both nights of the year on which clocks change, in three zones: whatever is scheduled happens once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import pendulum
import periodiq
import pytest
import time_machine

from events.models import Game
from tests.deploy import deploy
from tests.factories import make_game, make_venue
from tests.faults import calendar, slots
from tests.faults.calendar import Difference
from tests.faults.conftest import Start, Trial
from tests.faults.duties.actors import BY_PERIODIQ, WORK
from tests.faults.edges import CHANGES, FIXED, Night, declare, instant, make_jobs
from tests.processes import Clock
from tests.waiting import eventually
from tests.workers.conftest import Queues
from workers import database_time
from workers.broker import broker
from workers.models import Generation, Run

QUEUES = ("clock", "default", "games")
NIGHTLY = "generate_upcoming_game_sessions"


#: The clocks of both halves of the world, run through by processes: whose night, on which clock the system is,
#: and the hours in which every job in FIXED fires once, and could be left out or fire twice.
LEGS = [
    ("Australia/Sydney", "forward", "2026-10-03T15:25Z", "2026-10-03T16:34Z"),
    ("Australia/Sydney", "back", "2026-04-04T14:40Z", "2026-04-04T16:36Z"),
    ("America/New_York", "forward", "2026-03-08T06:55Z", "2026-03-08T07:36Z"),
    ("America/New_York", "back", "2026-11-01T05:40Z", "2026-11-01T06:51Z"),
]
RATE = 60


def fault(test: Any) -> Any:
    return pytest.mark.fault("the clock at both DST edges, in three zones", passes="each slot once")(test)


@fault
@pytest.mark.parametrize("zone", CHANGES)
@pytest.mark.parametrize("edge", ["forward", "back"])
def test_periodiq_walks_through_the_night(
    trial: Trial, zone: str, edge: str, transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    # Given a system on the clock of a zone, in the night in which that clock changes
    settings.TIME_ZONE = zone
    sunday = CHANGES[zone][edge]
    night = Night(instant(sunday, time(1), zone), instant(sunday, time(5, 10), zone))
    specs = {name: spec for name, spec in BY_PERIODIQ.items() if "minute" not in name} | {NIGHTLY: "0 5 * * *"}
    declare(specs, zone, monkeypatch)
    deploy(night.first - timedelta(hours=1))
    expected = make_jobs(zone, night) | by_periodiq(zone, night) | {NIGHTLY: night.fixed(time(5), zone)}
    game = make_game(make_venue(zone), start_time=time(2, 30), start_date=sunday - timedelta(14))

    # When periodiq itself goes from minute to minute until the morning
    monkeypatch.setattr(broker(), "namespace", f"trial-{uuid4()}")
    with walking(night, zone, monkeypatch) as scheduler:
        while datetime.now(UTC) < night.last:
            scheduler.schedule()

    # Then each slot of the night has its one run, and the calendar, filled at 05:00, has the game once a night
    runs = slots.compare(expected, night.first, night.last - timedelta(minutes=6))  # by now all is made good
    played = calendar.compare(nights([game], sunday))
    found = slots.total(runs, played)
    trial.found(
        part=f"{zone}, {edge}, periodiq in process",
        trials=sum(map(len, expected.values())),
        lost=found.lost,
        duplicated=found.duplicated,
        unexpected=found.unexpected,
    )
    assert found.none()
    assert Run.objects.filter(attempts__gt=1).count() == 0
    assert Generation.objects.count() == 1


@fault
@pytest.mark.parametrize(("zone", "edge", "first", "last"), LEGS)
def test_the_processes_go_through_the_night(
    trial: Trial, start: Start, zone: str, edge: str, first: str, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given jobs on the clocks that change in the same night, and games that start in the hour that they change
    night = Night(datetime.fromisoformat(first), datetime.fromisoformat(last))
    declare({name: spec for name, spec in BY_PERIODIQ.items() if "minute" not in name}, zone, monkeypatch)
    expected = by_periodiq(zone, night)
    zones = [other for other in CHANGES if CHANGES[other][edge] == CHANGES[zone][edge]]
    for other in zones:
        expected |= make_jobs(other, night)
    games = [make_game(make_venue(other), start_time=time(2, 30)) for other in zones]
    played = set().union(*(nights([game], night.first.astimezone(game.venue.zone).date()) for game in games))

    # When it gets past the change on the clock of all processes, which run a minute in a second
    clock = Clock(night.first - timedelta(seconds=RATE), rate=RATE)
    start("worker", "scheduler", clock=clock, deployed=night.first - timedelta(days=1), TRIAL_TIME_ZONE=zone, **WORK)
    minutes = (night.last - clock.starts_at).total_seconds() / 60
    eventually(lambda: clock.now() > night.last, within=minutes + 10, every=0.5)

    # Then each slot has its one run, and each night its game
    def difference() -> Difference:
        return slots.total(slots.compare(expected, night.first, night.last), calendar.compare(played))

    since = monotonic()
    with suppress(pytest.fail.Exception):
        eventually(lambda: difference().none(), within=30, every=0.2)
    found = difference()
    trial.found(
        part=f"{' and '.join(zones)}, {edge}, processes",
        trials=sum(map(len, expected.values())),
        lost=found.lost,
        duplicated=found.duplicated,
        unexpected=found.unexpected,
        seconds=monotonic() - since,
        note=f"{RATE} times as fast",
    )
    assert found.none()


def by_periodiq(zone: str, night: Night) -> dict[str, list[datetime]]:
    """The slots of the jobs that periodiq fires."""
    return {name: night.fixed(at, zone) for name, at in FIXED.items()} | {"on_the_hour": night.each(60, zone)}


def nights(games: list[Game], today: date) -> set[calendar.Night]:
    """The sessions of daily games from `today` on."""
    days = [today + timedelta(n) for n in range(calendar.AHEAD + 1)]
    return {(game.pk, day, instant(day, game.start_time, game.venue.timezone)) for game in games for day in days}


@contextmanager
def walking(night: Night, zone: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[periodiq.Scheduler]:
    """A scheduler of periodiq's on a clock that leaps from one of its alarms to the next, and a worker beside it."""
    pendulum.set_local_timezone(pendulum.timezone(zone))
    try:
        with time_machine.travel(night.first - timedelta(minutes=1), tick=False) as clock:

            def pass_time(seconds: float) -> None:
                eventually(at_rest, within=10, every=0.005)
                clock.shift(seconds)

            monkeypatch.setattr(database_time, "_ask", lambda: datetime.now(UTC))
            monkeypatch.setattr(periodiq, "sleep", pass_time)
            monkeypatch.setattr(periodiq, "alarm", pass_time)
            monkeypatch.setattr(periodiq, "signal", lambda number, handler: None)
            queues = Queues(broker())
            with queues.worker(*QUEUES):
                actors = [actor for actor in broker().actors.values() if "periodic" in actor.options]
                yield periodiq.Scheduler(actors)
            queues.clear()
    finally:
        pendulum.set_local_timezone()


def at_rest() -> bool:
    """Whether all is done that is to be done by now."""
    now = datetime.now(UTC)
    due = Run.objects.unfinished().filter(due_at__lte=now)
    return not any(broker().client.hlen(f"{broker().namespace}:{queue}.msgs") for queue in QUEUES) and not due.exists()
