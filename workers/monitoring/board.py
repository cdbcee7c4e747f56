"""What the dashboard shows of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, F, QuerySet
from redis.exceptions import RedisError

from events.models import GIVEN_UP, IN_PLAY, RECURRING, Game
from events.zones import ZONE_DATA
from workers import generation
from workers.broker import broker
from workers.models import Generation, Incident, Run
from workers.monitoring import failures, overdue
from workers.monitoring.failures import DAY, NAME, Missed
from workers.monitoring.overdue import Scheduler

#: How long games may lag behind a generation that is still being worked off.
LAG_AT_MOST = timedelta(minutes=30)

#: How many failing games, dead letters and overrunning runs are listed.
LISTED = 10


@dataclass(frozen=True, slots=True)
class Progress:
    """A generation and how far it is: `done` of the `games` that it is about."""

    generation: Generation
    games: int
    lagging: int
    given_up: int

    @property
    def done(self) -> int:
        return max(0, self.games - self.lagging - self.given_up)

    @property
    def percent(self) -> int:
        return 100 * self.done // self.games if self.games else 100

    def late(self, now: datetime) -> int:
        """How many games lag though they should have been settled by now."""
        return self.lagging if now - self.generation.at > LAG_AT_MOST else 0


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
    now: datetime
    zone_data: str
    scheduler: Scheduler
    progress: Progress | None
    outdated: int
    queues: dict[str, int]
    states: dict[str, int]
    missed: Missed
    slowest: list[Any]
    games: Listed
    dead: Listed
    overruns: Listed

    @classmethod
    def at(cls, now: datetime) -> Board:
        return cls(
            now=now,
            zone_data=ZONE_DATA,
            scheduler=overdue.scheduler(now),
            progress=progress(now),
            outdated=Game.objects.outdated().count(),
            queues=queue_depths(),
            states=runs_by_state(now),
            missed=failures.missed_slots(now),
            slowest=slowest_jobs(now),
            games=Listed.of(Game.objects.failing().select_related("venue")),
            dead=Listed.of(failures.dead_letters(now)),
            # What the alarms found a minute ago at most: to find them anew takes a query for each.
            overruns=Listed.of(Incident.objects.filter(kind=Incident.Kind.OVERRUN, closed_at=None)),
        )

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


def progress(now: datetime) -> Progress | None:
    """How far the games are behind the horizon that counts; None before the first generation.

    It is told of the generation that has been at work longest, or else of the latest.
    """
    goal = generation.current(now)
    if goal is None:
        return None
    at_work = sorted(goal.unfinished, key=lambda each: each.at)
    told = at_work[0] if at_work else Generation.objects.possible_at(now).latest()
    counts = generation.recurring().aggregate(games=Count("pk"), given_up=Count("pk", filter=GIVEN_UP))
    behind = generation.lagging(goal, now).filter(IN_PLAY, RECURRING)
    return Progress(told, lagging=behind.count(), **counts)


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


def slowest_jobs(now: datetime) -> list[Any]:
    """The five jobs that took longest on average in the last 24 hours: `name`, `took` and how many `runs`."""
    ran = Run.objects.filter(created_at__gte=now - DAY, started_at__isnull=False, finished_at__isnull=False)
    named = ran.order_by().values(name=NAME)
    return list(named.annotate(took=Avg(F("finished_at") - F("started_at")), runs=Count("pk")).order_by("-took")[:5])
