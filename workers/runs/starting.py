"""Starting a run, if its job still wants it and has a place for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from workers.database_time import TOLERATED
from workers.models import Run, ScheduledJob
from workers.runs import places
from workers.runs.finishing import end_unstarted
from workers.runs.heartbeat import pulse
from workers.runs.reaping import reap
from workers.runs.sending import send


def begin(run: Run, message_id: str, now: datetime) -> Run | None:
    """Begin a run that has no row yet, because the message that asks for it came from periodiq or by hand.

    None when its slot has one already, or when it may not start; the row then says why.
    """
    run.created_at = run.due_at = run.enqueued_at = now
    Run.objects.bulk_create([run], ignore_conflicts=True)
    return claim(run.pk, 0, message_id, now)


def claim(run_id: Any, attempt: int, message_id: str, now: datetime) -> Run | None:
    """Start a queued run, as the attempt after `attempt` others.

    None when it is not there in that state any more (a message that came twice, a job edited meanwhile), or when
    its job does not let it start; the row then says why. A first attempt that comes too early is sent again.
    """
    with transaction.atomic():
        run = Run.objects.filter(pk=run_id, state=Run.State.QUEUED, attempts=attempt).first()
        if run is None:
            return None
        if attempt == 0 and run.due_at - now > TOLERATED:  # the clock of who held the message is ahead
            transaction.on_commit(partial(send, [run], now))
            return None
        # The lock makes counting a job's places and taking one a single step. Every writer locks the job first.
        job = ScheduledJob.objects.select_for_update(no_key=True).get(pk=run.job_id) if run.job_id else None
        if job:
            run.refresh_from_db(fields=["args", "kwargs"])  # an edit of the job may have come first
            if lapsed := _lapsed(run, job, now):
                end_unstarted(run, *lapsed, now)
                return None
            if _is_late(run, job, now):
                run.cause = Run.Cause.CATCH_UP
            if places.are_taken(job):
                reap(now, job)  # the places of dead workers are free
                if places.are_taken(job):
                    _turn_away(run, job, now)
                    return None
        started = Run.objects.still_waiting(run).update(
            state=Run.State.RUNNING,
            cause=run.cause,
            attempts=attempt + 1,
            started_at=now,
            heartbeat_at=now,
            process_id=pulse.process_id,
            message_id=message_id,
            reason="",
        )
        run.attempts, run.started_at = attempt + 1, now
        return run if started else None


def _lapsed(run: Run, job: ScheduledJob, now: datetime) -> tuple[Run.State, str] | None:
    """How a run ends that its job no longer wants to start: the state and the reason. None when it does."""
    by_clock = run.cause in (Run.Cause.SCHEDULE, Run.Cause.CATCH_UP)
    if by_clock and run.attempts == 0 and not job.is_on(now):
        return Run.State.SKIPPED, "the job was paused"
    if not _is_late(run, job, now):
        return None
    if job.catch_up == ScheduledJob.CatchUp.SKIP:
        return Run.State.MISFIRED, f"its turn came {(now - run.due_at).total_seconds():.0f} s late"
    if run.slot and job.catch_up == ScheduledJob.CatchUp.LATEST and _is_covered(run, job, now):
        return Run.State.MISFIRED, "its turn came late, and a later one stands for it"
    return None


def _is_late(run: Run, job: ScheduledJob, now: datetime) -> bool:
    """Whether a slot's first turn comes so late that the job's catch-up policy decides about it."""
    first = run.cause == Run.Cause.SCHEDULE and run.attempts == 0
    return first and now - run.due_at > timedelta(seconds=job.misfire_grace)


def _is_covered(run: Run, job: ScheduledJob, now: datetime) -> bool:
    """Whether a later slot of the job is due too, and waits to start."""
    later = Run.objects.filter(job=job, state=Run.State.QUEUED, attempts=0, slot__gt=run.slot, slot__lte=now)
    return later.exists()


def _turn_away(run: Run, job: ScheduledJob, now: datetime) -> None:
    """Skip a run that finds its job's places taken, unless it is a catch-up or a retry: these wait for a place."""
    if run.attempts == 0 and run.cause in (Run.Cause.SCHEDULE, Run.Cause.MANUAL):
        end_unstarted(run, Run.State.SKIPPED, f"{job.max_instances} of this job were running already", now)
    else:
        places.wait(run, now)
