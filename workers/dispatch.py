"""What happens each minute: due jobs become runs, runs become messages, and what was missed or lost is made good."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from workers import alarms, generation, jobs, runs
from workers.broker import broker
from workers.models import Clock, Run, ScheduledJob
from workers.triggers import TriggerError, jitter_of

log = logging.getLogger(__name__)

#: How long a tick may take before the next one no longer waits for it: it has died.
LEASE = timedelta(seconds=50)

#: How far a tick looks ahead: a minute, and what the next tick may be late.
AHEAD = timedelta(seconds=90)

#: How long after its time a slot of periodiq's has been missed, when nothing recorded it.
PERIODIQ_GRACE = timedelta(seconds=60)

BATCH = 500
CATCH_UP_AT_MOST = 100  # runs of one job, by catch_up=all
LOOK_BACK_AT_MOST = 100_000  # missed slots that one pass over a job counts


def tick(now: datetime) -> None:
    """Keep the heartbeat and do what is due at `now`. Returns at once while another tick is at work.

    An error in one part is logged and keeps no other from its turn.
    """
    if not _take_turn(now):
        return
    for part in (runs.reap, dispatch_due, dispatch_missed, resend, generation.reconcile, alarms.look):
        _attempt(part, now)
    Clock.objects.update(busy_until=None)


def dispatch_due(now: datetime) -> None:
    """Write the runs of every slot up to 90 s ahead, and send each to start at its time."""
    _dispatch(ScheduledJob.objects.filter(by_periodiq=False, next_run_at__lte=now + AHEAD), now, now + AHEAD)


def dispatch_missed(now: datetime) -> None:
    """Make good the slots that periodiq should have sent and that nothing recorded."""
    until = now - PERIODIQ_GRACE
    _dispatch(ScheduledJob.objects.filter(by_periodiq=True, next_run_at__lte=until), now, until)


def resend(now: datetime) -> None:
    """Send the queued runs that were not sent yet, and those whose messages must have been lost.

    While a queue has messages waiting its runs are not lost but late, and are not sent twice.
    """
    lost_before = now - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    queued = Run.objects.filter(state=Run.State.QUEUED, due_at__lte=now + AHEAD)
    unsent = Q(enqueued_at=None)
    lost = Q(enqueued_at__lt=lost_before, due_at__lt=lost_before)
    found = list(queued.filter(unsent | lost).order_by("due_at")[:BATCH])
    busy = {queue for queue in {_queue_of(run) for run in found} if queue and broker().waiting(queue)}
    for run in found:
        if run.actor not in jobs.registry:
            Run.objects.filter(pk=run.pk, state=Run.State.QUEUED).update(
                state=Run.State.FAILED, finished_at=now, reason=_vanished(run.actor)
            )
    again = [run for run in found if (queue := _queue_of(run)) and (run.enqueued_at is None or queue not in busy)]
    Run.objects.filter(pk__in=[run.pk for run in again]).update(enqueued_at=now)
    runs.send(again, now)


# --- How it is done ---------------------------------------------------------------------------------------


def _dispatch(due: Any, now: datetime, until: datetime) -> None:
    """Plan the due jobs batch by batch. Each batch is one transaction; its messages are sent after it."""
    while True:
        with transaction.atomic():
            batch = list(due.running_at(now).order_by("next_run_at").select_for_update(skip_locked=True)[:BATCH])
            if not batch:
                return
            planned = [run for job in batch for run in _plan_or_pause(job, now, until)]
            Run.objects.bulk_create(planned, ignore_conflicts=True)
            ScheduledJob.objects.bulk_update(batch, ["next_run_at", "runs_begun", "enabled", "paused_because"])
            queued = [run for run in planned if run.state == Run.State.QUEUED]
            transaction.on_commit(partial(runs.send, queued, now))


def _plan_or_pause(job: ScheduledJob, now: datetime, until: datetime) -> list[Run]:
    """A job that cannot be planned is paused with the reason, and stops no other."""
    try:
        if job.actor not in jobs.registry:
            raise LookupError(_vanished(job.actor))
        return _plan(job, now, until)
    except (LookupError, TriggerError, ArithmeticError, TypeError, ValueError) as error:
        log.error("Job %s is paused: %s", job, error)
        job.enabled, job.next_run_at, job.paused_because = False, None, str(error)[:500]
        return []


def _plan(job: ScheduledJob, now: datetime, until: datetime) -> list[Run]:
    """The runs of a job's slots up to `until`, and in `job` what comes next."""
    assert job.next_run_at is not None
    trigger = job.parsed_trigger()
    slots = list(islice(trigger.fires(job.next_run_at, until), LOOK_BACK_AT_MOST))
    grace = timedelta(seconds=job.misfire_grace)
    missed = [slot for slot in slots if now - slot > grace]
    on_time = slots[len(missed) :]
    if job.by_periodiq:
        missed, on_time = _unrecorded(job, slots), []
    planned = [*_catch_up(job, missed, now), *(_run(job, slot, Run.Cause.SCHEDULE, now) for slot in on_time)]
    planned = _within_max_runs(job, planned)
    finished = job.max_runs is not None and job.runs_begun >= job.max_runs
    job.next_run_at = None if finished else trigger.next_fire(slots[-1] if slots else until)
    return planned


def _unrecorded(job: ScheduledJob, slots: list[datetime]) -> list[datetime]:
    recorded = set(Run.objects.filter(job=job, slot__in=slots).values_list("slot", flat=True))
    return [slot for slot in slots if slot not in recorded]


def _catch_up(job: ScheduledJob, missed: list[datetime], now: datetime) -> list[Run]:
    """What the job's policy makes of missed slots. Each has a row or is counted in one."""
    if not missed:
        return []
    log.warning("Job %s missed %d slots, %s to %s", job, len(missed), missed[0], missed[-1])
    if job.catch_up == ScheduledJob.CatchUp.SKIP:
        return [_misfired(job, missed, now)]
    if job.catch_up == ScheduledJob.CatchUp.LATEST:
        run = _run(job, missed[-1], Run.Cause.CATCH_UP, now)
        run.covers = len(missed)
        return [run]
    kept = deque(missed, CATCH_UP_AT_MOST)
    dropped = missed[: len(missed) - len(kept)]
    return [*([_misfired(job, dropped, now)] if dropped else []), *(_run(job, slot, "catch_up", now) for slot in kept)]


def _run(job: ScheduledJob, slot: datetime, cause: str, now: datetime) -> Run:
    due = max(slot + jitter_of(job.pk, slot, job.jitter), now)
    return Run(
        job=job,
        actor=job.actor,
        args=job.args,
        kwargs=job.kwargs,
        slot=slot,
        cause=cause,
        created_at=now,
        due_at=due,
        enqueued_at=now,
    )


def _misfired(job: ScheduledJob, missed: list[datetime], now: datetime) -> Run:
    run = _run(job, missed[-1], Run.Cause.CATCH_UP, now)
    run.state, run.covers, run.enqueued_at, run.finished_at = Run.State.MISFIRED, len(missed), None, now
    run.reason = f"{len(missed)} missed from {missed[0]:%Y-%m-%d %H:%M:%S} UTC on, while nothing ran"
    return run


def _within_max_runs(job: ScheduledJob, planned: list[Run]) -> list[Run]:
    allowed = []
    for run in planned:
        if run.state == Run.State.QUEUED:
            if job.max_runs is not None and job.runs_begun >= job.max_runs:
                continue
            job.runs_begun += 1
        allowed.append(run)
    return allowed


def _queue_of(run: Run) -> str | None:
    known = jobs.registry.get(run.actor)
    return known.actor.queue_name if known else None


def _vanished(actor: str) -> str:
    return f"the code has no actor {actor} any more: name another, or delete the job"


def _take_turn(now: datetime) -> bool:
    Clock.objects.get_or_create(pk=1)
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    return bool(Clock.objects.filter(free, pk=1).update(last_tick=now, busy_until=now + LEASE))


def _attempt(part: Callable[[datetime], object], now: datetime) -> None:
    try:
        part(now)
    except Exception:
        log.exception("The tick went on without %s", part.__name__)
