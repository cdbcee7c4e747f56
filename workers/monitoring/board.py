"""What an operator asks of the clock, read once for the dashboard, the metrics and the alarms alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Avg, Count, F, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from redis.exceptions import RedisError

from events.models import GIVEN_UP, Game
from workers import generation
from workers.broker import broker
from workers.models import Generation, Incident, Run
from workers.monitoring import overdue
from workers.monitoring.overdue import Scheduler

DAY = timedelta(days=1)

#: How long games may lag behind a generation that is still being worked off.
LAG_AT_MOST = timedelta(minutes=30)

#: How far back a failure still counts.
FAILURES_OVER = timedelta(days=7)

#: A run overruns when it takes so many times what its job usually takes, and at least this long.
OVERRUN_FACTOR, OVERRUN_AT_LEAST = 3, timedelta(minutes=5)

#: How many past runs say what is usual.
USUAL_OVER = 20

#: What a run is named after: its job or, of one sent by hand that has none, its actor.
NAME = Coalesce("job_id", "actor")

#: Runs that stand for slots which nothing ran on time, made good or not.
MISSED = Q(state=Run.State.MISFIRED) | Q(cause=Run.Cause.CATCH_UP)


# --- Generations and games --------------------------------------------------------------------------------


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
        return 100 * self.done // self.games if self.games else 100

    def late(self, now: datetime) -> int:
        """How many games lag though they should have been settled by now."""
        return self.lagging if now - self.generation.at > LAG_AT_MOST else 0


def progress() -> Progress | None:
    """Of the generation whose horizon counts; None before the first."""
    current = generation.current()
    if current is None:
        return None
    counts = generation.recurring().aggregate(games=Count("pk"), failed=Count("pk", filter=GIVEN_UP))
    return Progress(current, counts["games"], generation.lagging(current).count(), counts["failed"])


# --- Runs -------------------------------------------------------------------------------------------------


def queue_depths() -> dict[str, int]:
    """Messages of each queue that wait, are delayed or are being worked on; empty while Redis is away."""
    try:
        return broker().backlogs()
    except RedisError:
        return {}


def runs_by_state(now: datetime) -> dict[str, int]:
    """How many runs of the last 24 hours are in each state."""
    counted = Run.objects.filter(created_at__gte=now - DAY).order_by().values_list("state").annotate(Count("pk"))
    return dict.fromkeys(Run.State.values, 0) | dict(counted)


@dataclass(frozen=True, slots=True)
class Missed:
    """How many slots nothing ran on time, and how many of them are lost: not made good, nor about to be."""

    slots: int
    lost: int


def slots_missed(now: datetime) -> Missed:
    """Of the last 24 hours. Whatever its policy, a success of the job after the last of them makes them good."""
    over = MISSED & Q(state__in=[Run.State.MISFIRED, Run.State.FAILED, Run.State.SKIPPED])
    each = Run.objects.filter(created_at__gte=now - DAY).order_by().values("job")
    missed = each.annotate(
        slots=Sum("covers", filter=MISSED),
        lost=Sum("covers", filter=over, default=0),
        lost_at=Max("finished_at", filter=over),
        succeeded_at=Max("finished_at", filter=Q(state=Run.State.SUCCEEDED)),
    ).filter(slots__gt=0)
    slots = lost = 0
    for job in missed:
        slots += job["slots"]
        if not (job["lost_at"] and job["succeeded_at"] and job["succeeded_at"] > job["lost_at"]):
            lost += job["lost"]
    return Missed(slots, lost)


def jobs_that_missed(now: datetime, since: datetime) -> list[Any]:
    """For each job some of whose slots were found missed after `since`: how many, and the `last`."""
    # Some are found missed when they are planned, others when their turn comes too late.
    found = Q(created_at__gte=since) | Q(started_at__gte=since) | Q(finished_at__gte=since)
    missed = Run.objects.filter(MISSED, found, created_at__gte=now - DAY, job__isnull=False, slot__isnull=False)
    return list(missed.order_by().values("job_id").annotate(slots=Sum("covers"), last=Max("slot")))


def slowest_jobs(now: datetime) -> list[Any]:
    """The five jobs that took longest on average in the last 24 hours: `name`, `took` and how many `runs`."""
    ran = Run.objects.filter(created_at__gte=now - DAY, started_at__isnull=False, finished_at__isnull=False)
    named = ran.order_by().values(name=NAME)
    return list(named.annotate(took=Avg(F("finished_at") - F("started_at")), runs=Count("pk")).order_by("-took")[:5])


def failing_jobs(now: datetime) -> Any:
    """Jobs that failed in the last week and have not succeeded since: `name`, and when they last `failed_at`."""
    ended = Run.objects.filter(finished_at__gte=now - FAILURES_OVER).exclude(job__retired=True).order_by()
    each = ended.values(name=NAME).annotate(
        failed_at=Max("finished_at", filter=Q(state=Run.State.FAILED)),
        succeeded_at=Max("finished_at", filter=Q(state=Run.State.SUCCEEDED)),
    )
    return each.filter(Q(succeeded_at=None) | Q(failed_at__gt=F("succeeded_at")), failed_at__isnull=False)


def dead_letters(now: datetime) -> QuerySet[Run]:
    """Runs of the last week that failed for good and that nothing has made good since, the last first.

    What does: asking for it again, or a success of its job after its last failure. Of one without a job nobody can say.
    """
    since = now - FAILURES_OVER
    again = Run.objects.filter(created_at__gte=since, retry_of__isnull=False)
    failing = Q(job=None) | Q(job__in=failing_jobs(now).values("name"))
    failed = Run.objects.filter(failing, state=Run.State.FAILED, finished_at__gte=since)
    return failed.exclude(pk__in=again.values("retry_of")).order_by("-finished_at", "pk")


@dataclass(frozen=True, slots=True)
class Overrun:
    run: Run
    since: datetime
    usual: timedelta


def overruns(now: datetime) -> list[Overrun]:
    """Runs at work that take far longer than their job usually does; of a job's first run nobody can say."""
    found = []
    # A query for each: few runs take so long, and each of them holds a worker's thread.
    for run in Run.objects.filter(state=Run.State.RUNNING, started_at__lt=now - OVERRUN_AT_LEAST):
        usual = _usual(run)
        if run.started_at and usual is not None and now - run.started_at > OVERRUN_FACTOR * usual:
            found.append(Overrun(run, run.started_at, usual))
    return found


def _usual(run: Run) -> timedelta | None:
    past = Run.objects.filter(job_id=run.job_id, actor=run.actor, state=Run.State.SUCCEEDED).order_by("-created_at")
    took = [each.duration for each in past[:USUAL_OVER] if each.duration]
    return median(took) if took else None  # type: ignore[type-var]  # timedeltas can be ordered and halved


def open_incidents() -> dict[str, int]:
    """How many things are wrong, by kind."""
    opened = Incident.objects.filter(closed_at=None).order_by().values_list("kind").annotate(Count("pk"))
    return dict.fromkeys(Incident.Kind.values, 0) | dict(opened)


# --- All at once ------------------------------------------------------------------------------------------


#: How many failing games and dead letters the dashboard lists.
LISTED = 10


@dataclass(frozen=True, slots=True)
class Listed:
    """The first few rows of a list, and whether there are more."""

    rows: list[Any]
    more: bool

    @classmethod
    def of(cls, found: QuerySet[Any]) -> Listed:
        rows = list(found[: LISTED + 1])
        return cls(rows[:LISTED], len(rows) > LISTED)

    def __str__(self) -> str:
        return f"more than {LISTED}" if self.more else str(len(self.rows))


@dataclass(frozen=True, slots=True)
class Board:
    """All that the dashboard shows, at one moment."""

    now: datetime
    scheduler: Scheduler
    progress: Progress | None
    queues: dict[str, int]
    states: dict[str, int]
    missed: Missed
    slowest: list[Any]
    games: Listed
    dead: Listed
    overruns: Listed

    @property
    def troubles(self) -> list[str]:
        """What is wrong, a few words each; none when all is well."""
        late = self.progress.late(self.now) if self.progress else 0
        found = {
            **dict.fromkeys(self.scheduler.reasons, True),
            overdue.PAUSED: self.scheduler.paused,
            f"games behind: {late}": late,
            "Redis does not answer": not self.queues,
            f"games that fail: {self.games}": self.games.rows,
            f"dead letters: {self.dead}": self.dead.rows,
            f"slots missed and not made good: {self.missed.lost}": self.missed.lost,
            f"runs that overrun: {self.overruns}": self.overruns.rows,
        }
        return [words for words, wrong in found.items() if wrong]


def board(now: datetime) -> Board:
    return Board(
        now=now,
        scheduler=overdue.scheduler(now),
        progress=progress(),
        queues=queue_depths(),
        states=runs_by_state(now),
        missed=slots_missed(now),
        slowest=slowest_jobs(now),
        games=Listed.of(Game.objects.failing().select_related("venue")),
        dead=Listed.of(dead_letters(now)),
        # What the alarms found a minute ago at most: to look anew takes a query for each.
        overruns=Listed.of(Incident.objects.filter(kind=Incident.Kind.OVERRUN, closed_at=None)),
    )
