"""What is remembered of the past, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from workers.models import Digest, Generation, Incident, Run

BATCH = 1000  # rows deleted in one statement


def prune(now: datetime) -> dict[str, int]:
    """Delete what is older than HISTORY_DAYS; returns how many rows of each kind.

    The latest generation stays: the reconciler looks at its horizon.
    """
    before = now - timedelta(days=settings.HISTORY_DAYS)
    latest = Generation.objects.values("pk")[:1]
    return {
        "runs": _delete(Run.objects.filter(finished_at__lt=before)),
        "generations": _delete(Generation.objects.filter(at__lt=before).exclude(pk__in=latest)),
        "incidents": _delete(Incident.objects.filter(closed_at__lt=before)),
        "digests": _delete(Digest.objects.filter(date__lt=before.date())),
    }


def _delete(rows: QuerySet) -> int:
    deleted = 0
    while batch := list(rows.values_list("pk", flat=True)[:BATCH]):
        deleted += rows.model._default_manager.filter(pk__in=batch).delete()[0]
    return deleted
