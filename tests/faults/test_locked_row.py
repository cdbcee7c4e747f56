"""Somebody else's transaction holds the row of a game, or of a job, and goes on holding it."""

from datetime import datetime, timedelta
from time import monotonic

import pytest
import redis

from events.models import Game, GameSession
from tests.acceptance.watching import WORK, make_job, notes
from tests.faults import calendar
from tests.faults.conftest import Start, Trial
from tests.faults.postgres import NAMED, Watch, locked, seconds_until
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Run

LOCK_TIMEOUT = 5  # seconds, as set
PAST_ALL_TRIES = 50  # seconds: four that wait so long, and the pauses between them
A_GAME = "SELECT id FROM events_game WHERE id = %s FOR UPDATE"
A_JOB = "SELECT id FROM workers_scheduledjob WHERE id = %s FOR UPDATE"


@pytest.mark.fault("a row locked by someone else", passes="cancelled at the timeout, retried, done")
def test_a_locked_row_holds_up_nothing_but_itself(trial: Trial, start: Start, queues: redis.Redis) -> None:
    # Given two games and a job whose rows somebody has locked, and two hundred other games
    clock = Clock(datetime.fromisoformat("2026-09-25T06:00:00+10:00"))
    games = calendar.make_games(200)
    nights = calendar.expected(games, clock.now())
    a_while, for_long = games[0].pk, games[3].pk  # both daily
    due = clock.starts_at + timedelta(seconds=25)
    make_job("held", {"type": "date", "run_date": due.isoformat()}, clock.starts_at, catch_up="all")
    settings = {"RESEND_AFTER_SECONDS": "20", **NAMED, **WORK}
    processes = start("worker", "scheduler", clock=clock, **settings)
    eventually(lambda: Run.objects.filter(job="held", state="queued"), within=30)

    with Watch() as watch:
        with locked(A_GAME, for_long):
            # When the calendar is filled, and the job is due
            with locked(A_GAME, a_while), locked(A_JOB, "held"):
                began = monotonic()
                processes.manage("generate_sessions")
                others = {night for night in nights if night[0] not in (a_while, for_long)}
                eventually(lambda: GameSession.objects.count() >= len(others), within=30)
                went_on = monotonic() - began
                eventually(lambda: clock.now() > due + timedelta(seconds=LOCK_TIMEOUT + 7), within=60)
                waits = len(watch.waits)
                untouched = not GameSession.objects.filter(game__in=[a_while, for_long]).exists()
                untouched &= not notes(queues, "held")

            # Then what was held for a while is done as soon as it is free
            seconds = seconds_until(lambda: played(nights, a_while) and notes(queues, "held", "ended"), within=60)
            done = played(nights, a_while) and bool(notes(queues, "held", "ended"))

            # And when the other is free, after all its tries, it is still done
            eventually(lambda: monotonic() > began + PAST_ALL_TRIES, within=PAST_ALL_TRIES)
            untouched &= not GameSession.objects.filter(game=for_long).exists()
        for_long_seconds = seconds_until(lambda: played(nights, for_long), within=120)
        eventually(lambda: Run.objects.get(job="held").state == "succeeded", within=30)

    found = calendar.compare(nights)
    trial.found(
        trials=3,
        lost=found.lost,
        duplicated=found.duplicated + len(notes(queues, "held", "began")) - 1,
        unexpected=found.unexpected,
        recovered=(2 if done else 0) + played(nights, for_long),
        seconds=max(seconds, for_long_seconds),
        note=f"{waits} waits, {watch.waited:.1f} s the longest; held for {LOCK_TIMEOUT + 7} s they were done"
        f" {seconds:.1f} s later, past all tries {for_long_seconds:.1f} s; the other games took {went_on:.1f} s",
    )
    assert untouched
    assert waits > 2
    assert watch.waited < LOCK_TIMEOUT + 1
    assert went_on < 20
    assert done
    assert found.none()
    assert not Game.objects.exclude(generation_error="")


def played(nights: set[calendar.Night], game: int) -> bool:
    """Whether a game has its sessions."""
    return GameSession.objects.filter(game=game).count() == len([night for night in nights if night[0] == game])
