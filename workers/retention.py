"""How long finished runs, generations, incidents and notes of digests are kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from workers import generation
from workers.models import Digest, Generation, Incident, Run, WorkerProcess

#: How long a worker process is kept after its last beat.
PROCESSES_KEPT = timedelta(days=1)

BATCH = 1000  # rows deleted in one statement


def prune(now: datetime) -> dict[str, int]:
    """Delete what is older than HISTORY_DAYS, and processes gone for a day; returns how many rows of each kind.

    The generations whose horizons count stay, however old.
    """
    before = now - timedelta(days=settings.HISTORY_DAYS)
    goal = generation.current(now)
    kept = [each.pk for each in goal.generations] if goal else []
    return {
        "runs": _delete(Run.objects.filter(finished_at__lt=before)),
        "generations": _delete(Generation.objects.filter(at__lt=before).exclude(pk__in=kept)),
        "incidents": _delete(Incident.objects.filter(closed_at__lt=before)),
        "digests": _delete(Digest.objects.filter(date__lt=before.date())),
        "processes": _delete(WorkerProcess.objects.filter(beat_at__lt=now - PROCESSES_KEPT)),
    }


def _delete(rows: QuerySet) -> int:
    deleted = 0
    while batch := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        deleted += rows.model._default_manager.filter(pk__in=batch).delete()[0]
    return deleted
