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
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q

from workers import dead_letters, generation, jobs, runs
from workers.broker import broker
from workers.models import Clock, Run, ScheduledJob
from workers.monitoring import alarms
from workers.triggers import jitter_of

log = logging.getLogger(__name__)

#: How long a tick may take before the next one no longer waits for it: it has died.
LEASE = timedelta(seconds=50)

#: How far a tick looks ahead: a minute, and what the next tick may be late.
AHEAD = timedelta(seconds=90)

#: How long a run waits for a worker that knows its actor.
GIVE_UP_AFTER = timedelta(hours=1)

#: What planning writes of a job.
PLANNED = ["next_run_at", "runs_begun", "enabled", "paused_because"]

BATCH = 500
CATCH_UP_AT_MOST = 100  # runs of one job, by catch_up=all
LOOK_BACK_AT_MOST = 100_000  # missed slots that one pass over a job counts


def tick(now: datetime) -> None:
    """Keep the heartbeat and do what is due at `now`. Returns at once while another tick is at work.

    An error in one part is logged and keeps no other from its turn.
    """
    if not _take_turn(now):
        return
    parts = (
        runs.reap,
        revive,
        dispatch_due,
        dispatch_missed,
        resend,
        generation.reconcile,
        dead_letters.collect,
        alarms.tell_troubles,
    )
    for part in parts:
        _attempt(part, now)
    Clock.objects.filter(busy_until=now + LEASE).update(busy_until=None)


def revive(now: datetime) -> None:
    """Let the jobs go on that were paused because their actor was gone, once it is there.

    What they missed meanwhile is for their policies to say: while a deploy rolls, the tick of an old worker knows
    nothing of a new actor.
    """
    gone = ScheduledJob.objects.filter(enabled=False, paused_because__startswith=VANISHED)
    gone.filter(actor__in=list(jobs.registry)).update(enabled=True, paused_because="")


def dispatch_due(now: datetime) -> None:
    """Write the runs of every slot up to 90 s ahead, and send each to start at its time."""
    _dispatch(ScheduledJob.objects.filter(by_periodiq=False, next_run_at__lte=now + AHEAD), now, now + AHEAD)


def dispatch_at_once(job_id: str, now: datetime) -> None:
    """The same for one job that somebody saved, so that what is due before the next tick does not wait for it."""
    _dispatch(ScheduledJob.objects.filter(pk=job_id, by_periodiq=False, next_run_at__lte=now + AHEAD), now, now + AHEAD)


def dispatch_missed(now: datetime) -> None:
    """Make good the slots that periodiq should have sent and that nothing recorded within the job's grace."""
    grace = ExpressionWrapper(F("misfire_grace") * timedelta(seconds=1), DurationField())
    _dispatch(ScheduledJob.objects.filter(by_periodiq=True, next_run_at__lte=now - grace), now, now)


def resend(now: datetime) -> None:
    """Send the queued runs that were not sent yet, and those whose messages must have been lost.

    While a queue has messages waiting that are as old its runs are not lost but late, and are not sent twice.
    """
    lost_before = now - timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    of_tomorrow = Q(job__origin=ScheduledJob.Origin.CODE, job__retired=False) & ~Q(actor__in=list(jobs.registry))
    queued = Run.objects.filter(state=Run.State.QUEUED, due_at__lte=now + AHEAD).exclude(of_tomorrow)
    unsent = Q(enqueued_at=None)
    lost = Q(enqueued_at__lt=lost_before, due_at__lt=lost_before) & ~Q(actor__in=_late_actors(lost_before))
    while found := list(queued.filter(unsent | lost).order_by("due_at")[:BATCH]):
        known = [run for run in found if run.actor in jobs.registry]
        Run.objects.filter(pk__in=[run.pk for run in found]).update(enqueued_at=now)
        if not runs.send(known, now):
            return  # Redis is away, and the next tick's turn is soon enough
        for run in found:
            if run.actor not in jobs.registry and now - run.due_at > GIVE_UP_AFTER:
                runs.give_up(run, _vanished(run.actor), now)


# --- How it is done ---------------------------------------------------------------------------------------


def _dispatch(due: Any, now: datetime, until: datetime) -> None:
    """Plan the due jobs batch by batch. Each batch is one transaction; its messages are sent after it."""
    # While a deploy rolls, an old worker knows nothing of the new code's jobs, and leaves them to a new one.
    of_tomorrow = Q(origin=ScheduledJob.Origin.CODE) & ~Q(actor__in=list(jobs.registry))
    while True:
        with transaction.atomic():
            ready = due.running_at(now).exclude(of_tomorrow).order_by("next_run_at")
            batch = list(ready.select_for_update(skip_locked=True, no_key=True)[:BATCH])
            if not batch:
                # Whoever holds the last ones may be no dispatcher, but a run of theirs that is just starting.
                batch = list(ready.select_for_update(no_key=True)[:1])
            if not batch:
                return
            planned = [run for job in batch for run in _plan_or_pause(job, now, until)]
            Run.objects.bulk_create(planned, ignore_conflicts=True)
            # All of them are there and locked, so this only updates: bulk_update's CASE for every row and column took
            # three quarters of a tick.
            ScheduledJob.objects.bulk_create(batch, update_conflicts=True, unique_fields=["id"], update_fields=PLANNED)
            queued = [run for run in planned if run.state == Run.State.QUEUED]
            transaction.on_commit(partial(runs.send, queued, now))


def _plan_or_pause(job: ScheduledJob, now: datetime, until: datetime) -> list[Run]:
    """A job that cannot be planned is paused with the reason, and stops no other."""
    try:
        if job.actor not in jobs.registry:
            log.error("Job %s is paused: %s", job, _vanished(job.actor))
            job.enabled, job.paused_because = False, _vanished(job.actor)
            return []
        return _plan(job, now, until)
    except DatabaseError:
        raise  # not the job's fault
    except Exception as error:
        log.error("Job %s is paused: %s", job, error)
        job.enabled, job.next_run_at, job.paused_because = False, None, str(error)[:500]
        return []


def _plan(job: ScheduledJob, now: datetime, until: datetime) -> list[Run]:
    """The runs of a job's slots up to `until`, and in `job` what comes next."""
    assert job.next_run_at is not None
    trigger = job.parsed_trigger()
    grace = timedelta(seconds=job.misfire_grace)
    until = now - grace if job.by_periodiq else until
    slots = list(islice(trigger.fires(job.next_run_at, until), LOOK_BACK_AT_MOST))
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


def _late_actors(since: datetime) -> list[str]:
    """Those on whose queues messages have waited since then."""
    queues = {known.actor.queue_name for known in jobs.registry.values()}
    late = {queue for queue in queues if broker().is_behind(queue, since)}
    return [name for name, known in jobs.registry.items() if known.actor.queue_name in late]


#: How the reason of such a pause begins.
VANISHED = "the code has no actor"


def _vanished(actor: str) -> str:
    return f"{VANISHED} {actor} any more, or a worker is older than the job: restart it, or name another actor"


def _take_turn(now: datetime) -> bool:
    Clock.objects.get_or_create(pk=1)
    free = Q(busy_until=None) | Q(busy_until__lte=now)
    return bool(Clock.objects.filter(free, pk=1).update(last_tick=now, busy_until=now + LEASE))


def _attempt(part: Callable[[datetime], object], now: datetime) -> None:
    try:
        part(now)
    except Exception:
        log.exception("The tick went on without %s", part.__name__)
        close_old_connections()  # or one that broke would break every later part
