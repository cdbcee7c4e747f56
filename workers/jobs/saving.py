"""Saving a job, which plans it anew, and deleting it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from workers import dispatch
from workers.models import Run, ScheduledJob


def save(row: ScheduledJob, now: datetime) -> None:
    """Save a checked job and work out anew when it runs next.

    What was queued ahead is dropped; what is late, and has not begun, gets the job's arguments.

    An interval's anchor stays as long as its trigger does, so that no save shifts it.
    """
    with transaction.atomic():
        before = ScheduledJob.objects.select_for_update(no_key=True).filter(pk=row.pk).first()
        same = before and (before.trigger, before.start_at) == (row.trigger, row.start_at)
        row.anchor = before.anchor if before and same else now
        by_clock = [Run.Cause.SCHEDULE, Run.Cause.CATCH_UP]
        queued = Run.objects.filter(job=row.pk, state=Run.State.QUEUED, attempts=0, cause__in=by_clock)
        dropped, _ = queued.filter(slot__gt=now).delete()
        # Those whose slot has come stay, and have yet to start. Their messages are to the actor that they were for.
        queued.filter(actor=row.actor).update(args=row.args, kwargs=row.kwargs)
        if before and not row._state.adding:  # a tick may have counted since `row` was read
            row.runs_begun = max(before.runs_begun - dropped, 0)
        row.next_run_at = _next_run_at(row, before, now)
        if row.is_on(now):
            row.paused_because = ""
        try:
            row.save(force_insert=before is None)
        except IntegrityError:
            raise ValidationError({"id": f'There is a job "{row.pk}" already: take another id.'}) from None
        if row.origin == ScheduledJob.Origin.STAFF:
            transaction.on_commit(partial(dispatch.dispatch_at_once, row.pk, now))


def _next_run_at(row: ScheduledJob, before: ScheduledJob | None, now: datetime) -> datetime | None:
    if not row.enabled or row.retired or (row.max_runs and row.runs_begun >= row.max_runs):
        return None
    kept = before and all(getattr(before, name) == getattr(row, name) for name in DECIDES_WHEN)
    if kept and before and before.next_run_at and before.next_run_at <= now and before.is_on(now):
        return before.next_run_at  # it is due or was missed, which a deploy must not hide
    return row.parsed_trigger().next_fire(max(now, row.paused_until or now))


DECIDES_WHEN = ("trigger", "timezone", "start_at", "end_at", "enabled", "paused_until", "max_runs", "retired")


def delete(row: ScheduledJob) -> None:
    """Delete a job and its runs. The job is locked first, as by everybody else who writes its runs."""
    with transaction.atomic():
        ScheduledJob.objects.select_for_update().filter(pk=row.pk).first()
        Run.objects.filter(job=row.pk).delete()
        ScheduledJob.objects.filter(pk=row.pk).delete()
