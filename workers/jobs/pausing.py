"""Pausing a job, and letting it go on."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from workers.jobs.validate import check
from workers.models import ScheduledJob


def pause(row: ScheduledJob, now: datetime, *, until: datetime | None = None, because: str = "") -> None:
    """Let nothing of a job start until it is resumed, or until `until` (aware)."""
    with transaction.atomic():
        row.refresh_from_db(from_queryset=ScheduledJob.objects.select_for_update(no_key=True))
        row.enabled, row.paused_until, row.paused_because = until is not None, until, because
        row.save(now=now)


def resume(row: ScheduledJob, now: datetime) -> None:
    """Let a job start again, from now on. Raises ValidationError as `check` does: it would only be paused again."""
    with transaction.atomic():
        row.refresh_from_db(from_queryset=ScheduledJob.objects.select_for_update(no_key=True))
        row.enabled, row.paused_until = True, None
        check(row, now, code=row.origin == ScheduledJob.Origin.CODE)
        row.save(now=now)
