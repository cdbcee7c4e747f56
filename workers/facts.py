"""What an operator asks of the clock, read once for the dashboard, the metrics and the alarms alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, OuterRef, Q, Subquery
from redis.exceptions import RedisError

from events.models import Game
from workers import generation
from workers.broker import broker
from workers.models import Clock, Generation, Run, ScheduledJob

QUEUES = ("clock", "games", "default")

#: A run overruns when it takes so many times what its job usually takes, and at least this long.
OVERRUN_FACTOR, OVERRUN_AT_LEAST = 3, timedelta(minutes=5)

#: How many past runs say what is usual.
USUAL_OVER = 20

DAY = timedelta(days=1)


def last_tick() -> datetime | None:
    """When a tick last began; None on a fresh system."""
    return Clock.objects.values_list("last_tick", flat=True).first()


def clock_silent_for(now: datetime) -> timedelta | None:
    """How long the clock has been silent, once that is too long; None while it ticks or never has."""
    last = last_tick()
    silent = now - last if last else timedelta(0)
    return silent if silent > timedelta(seconds=settings.TICK_OVERDUE_SECONDS) else None


@dataclass(frozen=True, slots=True)
class Progress:
    """A generation and how far it is: `done` of the `games` that it is about."""

    generation: Generation
    games: int
    lagging: int
    failed: int

    @property
    def done(self) -> int:
        return max(0, self.games - self.lagging - self.failed)

    @property
    def percent(self) -> int:
        return 100 if not self.games else 100 * self.done // self.games


def progress() -> Progress | None:
    current = generation.current()
    if current is None:
        return None
    counts = generation.recurring().aggregate(games=Count("pk"), failed=Count("pk", filter=~Q(generation_error="")))
    return Progress(current, counts["games"], generation.lagging(current).count(), counts["failed"])


def queue_depths() -> dict[str, int]:
    """Messages of each queue that wait, are delayed or are being worked on; empty while Redis is away."""
    try:
        return {queue: broker().backlog(queue) for queue in QUEUES}
    except RedisError:
        return {}


def runs_by_state(now: datetime) -> dict[str, int]:
    """How many runs of the last 24 hours are in each state."""
    counted = Run.objects.filter(created_at__gte=now - DAY).order_by().values_list("state").annotate(Count("pk"))
    return dict.fromkeys(Run.State.values, 0) | dict(counted)


def slots_missed(now: datetime) -> int:
    """Slots of the last 24 hours that nothing ran on time, whether made up for or not."""
    missed = Run.objects.filter(created_at__gte=now - DAY).filter(Q(state="misfired") | Q(cause="catch_up"))
    return sum(missed.values_list("covers", flat=True))


def slowest_jobs(now: datetime) -> list[Any]:
    """The five actors that took longest on average in the last 24 hours."""
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    ran = Run.objects.filter(created_at__gte=now - DAY, started_at__isnull=False, finished_at__isnull=False)
    return list(ran.order_by().values("actor").annotate(took=Avg(took), runs=Count("pk")).order_by("-took")[:5])


def failing_games() -> Any:
    """Games that could not be generated, and wait to be edited or retried."""
    return Game.objects.exclude(generation_error="").exclude(status=Game.Status.ARCHIVED).order_by("name", "pk")


def failing_jobs() -> Any:
    """Jobs whose last finished run failed, each with that run's id."""
    last = Run.objects.filter(job=OuterRef("pk"), finished_at__isnull=False).order_by("-finished_at")
    return (
        ScheduledJob.objects.filter(retired=False)
        .annotate(last_state=Subquery(last.values("state")[:1]), last_run=Subquery(last.values("pk")[:1]))
        .filter(last_state=Run.State.FAILED)
    )


def dead_letters(now: datetime) -> Any:
    """Runs of the last week that failed for good and were not retried since."""
    retried = Run.objects.filter(cause="retry", created_at__gte=now - 7 * DAY).values_list("reason", flat=True)
    done_again = {reason.removeprefix("retry of ") for reason in retried}
    failed = Run.objects.filter(state=Run.State.FAILED, finished_at__gte=now - 7 * DAY)
    return failed.exclude(pk__in=done_again).order_by("-finished_at")


def overruns(now: datetime) -> list[Run]:
    """Runs at work that take far longer than their job usually does."""
    at_work = Run.objects.filter(state=Run.State.RUNNING, started_at__lt=now - OVERRUN_AT_LEAST).select_related("job")
    return [run for run in at_work if run.started_at and now - run.started_at > OVERRUN_FACTOR * _usual(run.actor)]


def _usual(actor: str) -> timedelta:
    past = Run.objects.filter(actor=actor, state=Run.State.SUCCEEDED).order_by("-finished_at")[:USUAL_OVER]
    took = [run.duration.total_seconds() for run in past if run.duration]
    return timedelta(seconds=median(took) if took else 0)


@dataclass(frozen=True, slots=True)
class Board:
    """All that the dashboard shows, at one moment."""

    now: datetime
    last_tick: datetime | None
    silent: timedelta | None
    progress: Progress | None
    next_generation: datetime | None
    queues: dict[str, int]
    states: dict[str, int]
    missed: int
    slowest: list[Any]
    games: list[Game] = field(default_factory=list)
    dead: list[Run] = field(default_factory=list)


def board(now: datetime) -> Board:
    nightly = ScheduledJob.objects.filter(pk="generate_upcoming_game_sessions")
    return Board(
        now=now,
        last_tick=last_tick(),
        silent=clock_silent_for(now),
        progress=progress(),
        next_generation=nightly.values_list("next_run_at", flat=True).first(),
        queues=queue_depths(),
        states=runs_by_state(now),
        missed=slots_missed(now),
        slowest=slowest_jobs(now),
        games=list(failing_games().select_related("venue")[:10]),
        dead=list(dead_letters(now)[:10]),
    )
