"""Failures that nothing has made good yet: of jobs, of single runs, of slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from workers.models import Run

DAY = timedelta(days=1)

#: How far back a failure still counts.
FAILURES_OVER = timedelta(days=7)

#: What a run is named after: its job, or its actor when it has none because it was sent by hand.
NAME = Coalesce("job_id", "actor")

#: Runs that stand for slots which nothing ran on time, made good or not.
MISSED = Q(state=Run.State.MISFIRED) | Q(cause=Run.Cause.CATCH_UP)


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

    A run is made good when somebody asks for it again, or when its job succeeds after its last failure. One without a
    job is made good by the first alone.
    """
    since = now - FAILURES_OVER
    again = Run.objects.filter(created_at__gte=since, retry_of__isnull=False)
    failing = Q(job=None) | Q(job__in=failing_jobs(now).values("name"))
    failed = Run.objects.filter(failing, state=Run.State.FAILED, finished_at__gte=since)
    return failed.exclude(pk__in=again.values("retry_of")).order_by("-finished_at", "pk")


@dataclass(frozen=True, slots=True)
class Missed:
    """How many slots nothing ran on time, and how many of them are lost: not made good, nor about to be."""

    slots: int
    lost: int


def missed_slots(now: datetime) -> Missed:
    """The slots missed in the last 24 hours. A success of their job after the last of them makes them good."""
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
