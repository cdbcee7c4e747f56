"""PostgreSQL hangs up again and again, or is away altogether, while games and jobs are due."""

import signal
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import call_command

from events.models import GameSession
from server.embedded import free_port
from tests.acceptance.watching import WORK, grid, make_job
from tests.faults import calendar, slots
from tests.faults.conftest import Start, Trial
from tests.faults.postgres import NAMED, Watch, own_postgres, seconds_until, terminating
from tests.faults.visitors import visitors
from tests.processes import Clock, on_clock
from tests.waiting import eventually
from workers.models import ScheduledJob

FAULT = "`pg_terminate_backend` every 2 s for 2 minutes; PostgreSQL stopped 30 s"
PASSES = "0 lost, caught up within 2 minutes, connections within the budget"
BUDGET = 20  # connections of two worker processes and web
SIX = datetime.fromisoformat("2026-09-25T06:00:00+10:00")


@pytest.mark.fault(FAULT, passes=PASSES)
def test_two_minutes_of_sessions_that_end(trial: Trial, start: Start, queues: redis.Redis) -> None:
    # Given jobs every ten seconds, a generation every ten seconds that looks two days further, and people on the pages
    clock = Clock(SIX)
    games = calendar.make_games(1000)
    nights = calendar.expected(games, clock.now())
    due = load(clock, lasts=150)
    grow(clock, first=timedelta(seconds=15), every=timedelta(seconds=10))
    port = free_port()
    settings = {"LOOKAHEAD_DAYS": "4", "PORT": str(port), "HOST": "127.0.0.1", **UNTHROTTLED, **NAMED, **WORK}
    start("worker", "scheduler", "web", clock=clock, **settings)
    eventually(lambda: GameSession.objects.exists(), within=40)

    # When all their sessions end every two seconds for two minutes
    with Watch() as watch, visitors(port, *pages(games)) as answers:
        with terminating(every=2) as ended:
            eventually(lambda: len(ended) == 60, within=180)
        seconds = seconds_until(lambda: whole(nights, due, clock).none(), within=120)

    found = whole(nights, due, clock)
    trial.found(
        part="hangs up",
        trials=len(ended),
        lost=found.lost,
        duplicated=found.duplicated,
        unexpected=found.unexpected,
        recovered=len(ended) if found.none() else 0,
        seconds=seconds,
        note=f"{sum(ended):,} sessions ended; {watch.connections} connections at most in {watch.looks:,} looks; "
        f"pages: {answers[200]:,} answers, {answers.total() - answers[200]:,} errors",
    )

    # Then all of it is there in two minutes, and they never had more connections than they may
    assert found.none()
    assert 0 < watch.connections <= BUDGET
    assert answers[200]
    assert set(answers) <= {200, 503}, f"{answers}; 0: a web process went away"


@pytest.mark.fault(FAULT, passes=PASSES)
@pytest.mark.parametrize(("how", "part"), [(signal.SIGINT, "fast"), (signal.SIGQUIT, "immediate")])
def test_half_a_minute_without_postgresql(
    trial: Trial, start: Start, queues: redis.Redis, tmp_path: Path, how: signal.Signals, part: str
) -> None:
    with own_postgres(tmp_path / "own") as postgres:
        # Given a generation that is under way, and jobs every ten seconds
        call_command("migrate", verbosity=0)
        clock = Clock(SIX)
        games = calendar.make_games(1500)
        nights = calendar.expected(games, clock.now())
        due = load(clock, lasts=60)
        deployed = clock.now() - timedelta(hours=2)
        port = free_port()
        address = on_clock(postgres.url, clock)
        settings = {"DATABASE_URL": address, "PORT": str(port), "HOST": "127.0.0.1", **UNTHROTTLED, **WORK}
        start("worker", "scheduler", "web", clock=clock, deployed=deployed, **settings, **NAMED)
        with Watch(postgres.url) as watch, visitors(port, *pages(games), number=2) as answers:
            eventually(lambda: GameSession.objects.count() > len(nights) / 10, within=60, every=0.01)

            # When PostgreSQL is away for half a minute
            eventually(lambda: answers[200], within=30)
            postgres.stop(how)
            before = answers.copy()
            back = clock.now() + timedelta(seconds=30)
            eventually(lambda: clock.now() > back, within=40)
            away = answers - before
            postgres.start()
            started = answers.copy()
            seconds = seconds_until(lambda: whole(nights, due, clock).none(), within=120)

        found = whole(nights, due, clock)
        trial.found(
            part=f"stopped ({part})",
            trials=1,
            lost=found.lost,
            duplicated=found.duplicated,
            unexpected=found.unexpected,
            recovered=int(found.none()),
            seconds=seconds,
            note=f"{watch.connections} connections at most; pages while it was away: {away.total():,} answers",
        )

        # Then all of it is there in two minutes, and pages said all the while how it was
        assert found.none()
        assert 0 < watch.connections <= BUDGET
        assert away[503]
        assert away.total() == away[503], f"while it was away: {away}"
        assert (answers - started)[200]
        assert set(answers - before) <= {200, 503}, f"{answers - before}; 0: no answer"


#: All visitors come from one address.
UNTHROTTLED = {"API_REQUESTS_PER_MINUTE": "1000000", "REQUESTS_PER_MINUTE": "1000000"}


def load(clock: Clock, *, lasts: int) -> dict[str, list[datetime]]:
    """Four jobs that are due every ten seconds for so many of them, from five on, and their slots."""
    first = clock.starts_at + timedelta(seconds=5)
    last = first + timedelta(seconds=lasts)
    for n in range(4):
        make_job(
            f"job-{n}",
            {"type": "interval", "seconds": 10},
            clock.starts_at,
            start_at=first,
            end_at=last,
            **NOT_LEFT_OUT,
        )
    return {f"job-{n}": grid(first, last, 10) for n in range(4)}


#: What is late runs all the same: what is missing or there twice is a fault.
NOT_LEFT_OUT: dict[str, Any] = {"catch_up": "all", "misfire_grace": 86_400, "max_instances": 100}


def grow(clock: Clock, *, first: timedelta, every: timedelta) -> None:
    """Twelve generations, each looking two days further than the one before it, up to the calendar's horizon."""
    for n, days in enumerate(range(6, calendar.AHEAD + 1, 2)):
        at = clock.starts_at + first + n * every
        job = ScheduledJob(
            id=f"grow-{days}",
            actor="generate_upcoming_game_sessions",
            kwargs={"days": days},
            trigger={"type": "date", "run_date": at.isoformat()},
            **NOT_LEFT_OUT,
        )
        job.save(now=clock.starts_at)


def pages(games: Any) -> list[str]:
    slug = games[0].venue.slug
    return ["/", f"/venues/{slug}/", f"/api/v1/sessions/?venue={slug}", "/readyz"]


def whole(nights: set[calendar.Night], due: dict[str, list[datetime]], clock: Clock) -> calendar.Difference:
    """What is amiss in the calendar and in the ledger."""
    jobs_amiss = slots.compare(due, clock.starts_at, clock.starts_at + timedelta(hours=1))
    return slots.total(calendar.compare(nights), jobs_amiss)
