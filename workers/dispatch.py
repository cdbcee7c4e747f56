"""Planning: the slots of jobs become runs, the ones to come ahead of their time, and missed ones by policy."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial, reduce
from itertools import islice
from operator import or_
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet

from events.models import DataVersion
from events.zones import fingerprint
from workers import runs
from workers.allow_list import VANISHED, registry, vanished
from workers.database_time import TOO_FAR
from workers.models import JobQuerySet, Run, ScheduledJob
from workers.runs import AHEAD
from workers.triggers import FOREVER, Trigger, TriggerError, jitter_of

log = logging.getLogger(__name__)

#: What a tick writes of the jobs that it plans.
PLANNED = ["next_run_at", "next_wall", "zone_data", "runs_begun", "enabled", "paused_because"]

BATCH = 500
SLOTS_AT_A_TIME = 20  # that are looked for a run
WALLS_MOVE = timedelta(days=2)  # at the most, when a zone goes over to the other side of the date line
CATCH_UP_AT_MOST = 100  # runs of one job, by catch_up=all
LOOK_BACK_AT_MOST = 100_000  # missed slots that one pass over a job counts


def revive(now: datetime) -> None:
    """Let the jobs go on that were paused because their actor was gone, once it is there.

    What they missed meanwhile their policies decide: while a deploy rolls, the tick of an old worker knows nothing of
    a new actor.
    """
    gone = ScheduledJob.objects.filter(enabled=False, paused_because__startswith=VANISHED)
    gone.filter(actor__in=list(registry)).update(enabled=True, paused_because="")


def follow_zones(now: datetime) -> None:
    """Plan anew, by the data of this process, the jobs whose zones have other data than they were planned with.

    What has not started starts when the clock of its zone shows the same as before. Where that has just passed, the
    job's policies decide, as about any other slot that was missed. While a deploy rolls, only processes with the data
    that its release has noted do so: those of two releases would plan each other's jobs for ever.
    """
    while DataVersion.is_ours():
        with transaction.atomic():
            batch = list(ScheduledJob.objects.filter(_unlike_ours()).select_for_update(no_key=True)[:BATCH])
            if not batch:
                return
            _follow(batch, now)
            ScheduledJob.objects.bulk_create(batch, update_conflicts=True, unique_fields=["id"], update_fields=PLANNED)


def dispatch_due(now: datetime) -> None:
    """Write the runs of every slot up to 90 s ahead, and send each to start at its time."""
    _dispatch(ScheduledJob.objects.filter(by_periodiq=False, next_run_at__lte=now + AHEAD), now, now + AHEAD)


def dispatch_at_once(job_id: str, now: datetime) -> None:
    """Dispatch one job that somebody saved, so that what is due before the next tick does not wait for it."""
    _dispatch(ScheduledJob.objects.filter(pk=job_id, by_periodiq=False, next_run_at__lte=now + AHEAD), now, now + AHEAD)


def dispatch_missed(now: datetime) -> None:
    """Make good the slots that periodiq should have sent and that nothing recorded within the job's grace."""
    grace = ExpressionWrapper(F("misfire_grace") * timedelta(seconds=1), DurationField())
    _dispatch(ScheduledJob.objects.filter(by_periodiq=True, next_run_at__lte=now - grace), now, now)


def plan_anew(job: ScheduledJob, before: ScheduledJob | None, now: datetime) -> None:
    """Plan a job that is being saved. `before` is its row as it was, locked; None when it is new.

    Runs that were queued ahead are dropped; late ones that have not begun get the job's arguments. An interval's anchor
    stays as long as its trigger does, so that no save shifts it.
    """
    if before and before.zone_data != fingerprint(before.timezone) and DataVersion.is_ours():
        _follow([before], now)
    same = before and (before.trigger, before.start_at) == (job.trigger, job.start_at)
    job.anchor = before.anchor if before and same else now
    dropped = _bring_in_line(job, now)
    if before:  # a tick may have counted since the job was read
        job.runs_begun = max(before.runs_begun - dropped, 0)
    following = _next_run_at(job, before, now)
    _note_next(job, job.parsed_trigger() if following else None, following)
    if job.is_on(now):
        job.paused_because = ""
    if job.origin == ScheduledJob.Origin.STAFF:
        transaction.on_commit(partial(dispatch_at_once, job.pk, now))


def repair(now: datetime) -> list[str]:
    """Plan the jobs anew that somebody planned whose clock was ahead. Returns what was found, in words."""
    ahead = _planned_ahead(now).values_list("job", flat=True)
    wrong = {*ahead, *(job.pk for job in _to_check(now) if _is_misplanned(job, now))}
    return [found for job_id in sorted(wrong) if (found := _repair(job_id, now))]


# --- What is due ------------------------------------------------------------------------------------------


def _dispatch(due: JobQuerySet, now: datetime, until: datetime) -> None:
    """Plan the due jobs batch by batch. Each batch is one transaction; its messages are sent after it."""
    # While a deploy rolls, an old worker knows nothing of the new code's jobs, and leaves them to a new one.
    of_tomorrow = Q(origin=ScheduledJob.Origin.CODE) & ~Q(actor__in=list(registry))
    # By other data an instant is no slot: whoever may settle plans these anew first.
    of_tomorrow |= _unlike_ours() & ~Q(zone_data="")
    while True:
        with transaction.atomic():
            ready = due.running_at(now).exclude(of_tomorrow).order_by("next_run_at")
            batch = list(ready.select_for_update(skip_locked=True, no_key=True)[:BATCH])
            if not batch:
                # A run that is just starting, and no dispatcher, may hold the last jobs: their locks are waited for.
                batch = list(ready.select_for_update(no_key=True)[:1])
            if not batch:
                return
            planned = [run for job in batch for run in _plan_or_pause(job, now, until)]
            Run.objects.bulk_create(planned, ignore_conflicts=True)
            # All the jobs are there and locked, so this only updates. bulk_update's CASE for every row and column took
            # three quarters of a tick.
            ScheduledJob.objects.bulk_create(batch, update_conflicts=True, unique_fields=["id"], update_fields=PLANNED)
            queued = [run for run in planned if run.state == Run.State.QUEUED]
            transaction.on_commit(partial(runs.send, queued, now))


def _plan_or_pause(job: ScheduledJob, now: datetime, until: datetime) -> list[Run]:
    """Plan a job's slots. One that cannot be planned is paused with the reason, and stops no other."""
    try:
        if job.actor not in registry:
            log.error("Job %s is paused: %s", job, vanished(job.actor))
            job.enabled, job.paused_because = False, vanished(job.actor)
            return []
        return _plan(job, now, until)
    except DatabaseError:
        raise  # not the job's fault
    except Exception as error:
        log.error("Job %s is paused: %s", job, error)
        job.enabled, job.next_run_at, job.next_wall, job.paused_because = False, None, "", str(error)[:500]
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
    for run in planned:
        run.wall = trigger.wall_text(run.slot) if run.slot else ""
    if job.max_runs is not None:  # a slot that had its run when the clock was ahead is not counted twice
        recorded = set(_recorded(job, [run.slot for run in planned]))
        planned = [run for run in planned if run.slot not in recorded]
    planned = _within_max_runs(job, planned)
    finished = job.max_runs is not None and job.runs_begun >= job.max_runs
    _note_next(job, trigger, None if finished else trigger.next_fire(slots[-1] if slots else until))
    return planned


def _unrecorded(job: ScheduledJob, slots: list[datetime]) -> list[datetime]:
    recorded = set(_recorded(job, slots))
    return [slot for slot in slots if slot not in recorded]


def _recorded(job: ScheduledJob, slots: list[Any]) -> QuerySet[Run, Any]:
    return Run.objects.filter(job=job, slot__in=slots).values_list("slot", flat=True)


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
    """The planned runs that the job's `max_runs` leaves, each counted in `job`."""
    allowed = []
    for run in planned:
        if run.state == Run.State.QUEUED:
            if job.max_runs is not None and job.runs_begun >= job.max_runs:
                continue
            job.runs_begun += 1
        allowed.append(run)
    return allowed


# --- What is repaired ---------------------------------------------------------------------------------------


def _planned_ahead(now: datetime) -> QuerySet[Run]:
    """Runs that wait for slots further ahead than any is planned."""
    by_clock = [Run.Cause.SCHEDULE, Run.Cause.CATCH_UP]
    waiting = Run.objects.filter(state=Run.State.QUEUED, attempts=0, cause__in=by_clock, job__isnull=False)
    return waiting.filter(slot__gt=now + AHEAD + TOO_FAR)


#: When this process found a job's next slot to be right, and by what: it stays so until the job is planned or edited,
#: unless the clock is stepped back.
_found_right: dict[str, tuple[datetime, tuple[Any, ...]]] = {}


def _decides(job: ScheduledJob) -> tuple[Any, ...]:
    return (job.next_run_at, job.anchor, *(getattr(job, name) for name in DECIDE_WHEN))


def _to_check(now: datetime) -> Iterator[ScheduledJob]:
    """The jobs whose next slot is not known to be right."""
    ours = ScheduledJob.objects.running_at(now).exclude(_unlike_ours() & ~Q(zone_data=""))
    for job in ours.filter(actor__in=list(registry), next_run_at__gt=now):
        found_at, decided = _found_right.get(job.pk, (now, ()))
        if found_at > now or decided != _decides(job):
            yield job


def _is_misplanned(job: ScheduledJob, now: datetime) -> bool:
    """Whether the job's next slot is not the first that its own trigger names and that has no run."""
    planned = now if job.by_periodiq else now + AHEAD
    if job.next_run_at is None or job.next_run_at <= planned or not job.is_on(now):
        return False
    if _counts_from_ahead(job, now):
        return True
    try:
        fire = job.parsed_trigger().next_fire(planned)
        misplanned = fire != job.next_run_at and _first_without_run(job, planned) != job.next_run_at
    except TriggerError:
        return False  # it is paused when its turn comes
    if not misplanned:
        _found_right[job.pk] = now, _decides(job)
    return misplanned


def _counts_from_ahead(job: ScheduledJob, now: datetime) -> bool:
    return job.start_at is None and job.anchor > now + TOO_FAR


def _repair(job_id: str, now: datetime) -> str:
    with transaction.atomic():
        job = ScheduledJob.objects.select_for_update(no_key=True).filter(pk=job_id).first()
        if job is None:
            return ""
        dropped, _ = _planned_ahead(now).filter(job=job).delete()
        if not dropped and not _is_misplanned(job, now):
            return ""
        believed = job.next_run_at
        job.anchor = now if _counts_from_ahead(job, now) else job.anchor
        job.runs_begun = max(job.runs_begun - dropped, 0)
        finished = job.max_runs is not None and job.runs_begun >= job.max_runs
        on = job.enabled and not job.retired and not finished
        following = _first_without_run(job, max(now, job.paused_until or now)) if on else None
        _note_next(job, job.parsed_trigger() if following else None, following)
        job.save_base(update_fields=["anchor", "runs_begun", "next_run_at", "next_wall", "zone_data"])
    return " ".join(
        [
            f"the next time of {job}",
            *([f"{believed:%Y-%m-%d %H:%M:%S} UTC"] if believed else []),
            *([f"and {dropped} of its runs to come"] if dropped else []),
        ]
    )


def _first_without_run(job: ScheduledJob, after: datetime) -> datetime | None:
    """The first slot after `after` that has no run yet: a clock that was stepped back comes to each slot again."""
    trigger = job.parsed_trigger()
    slots = (slot for slot in trigger.fires(after, FOREVER) if slot > after)
    while batch := list(islice(slots, SLOTS_AT_A_TIME)):
        had = _walls_around(job, batch)
        for slot in _unrecorded(job, batch):
            if trigger.wall_text(slot) not in had:
                return slot
    return None


def _walls_around(job: ScheduledJob, slots: list[datetime]) -> set[str]:
    """The walls that had their runs by other zone data too: by ours some of them may be to come."""
    near = Run.objects.filter(job=job, slot__range=(slots[0] - WALLS_MOVE, slots[-1] + WALLS_MOVE))
    return set(near.exclude(wall="").values_list("wall", flat=True))


# --- Zone data --------------------------------------------------------------------------------------------


def _unlike_ours() -> Q:
    """The condition of jobs that were planned with other data on their zone than ours, or nobody knows with which."""
    known = ScheduledJob.objects.order_by().values_list("timezone", "zone_data").distinct()
    unlike = [Q(timezone=zone, zone_data=data) for zone, data in known if data != fingerprint(zone)]
    return reduce(or_, unlike, Q(pk__in=[]))


def _follow(jobs: Sequence[ScheduledJob], now: datetime) -> None:
    """Work out by the data of this process when jobs, which are locked, run next.

    Runs that were planned ahead and are not due yet are dropped, for planning goes on at the first of their walls.
    """
    ahead = Run.objects.filter(job__in=jobs, state=Run.State.QUEUED, attempts=0, cause=Run.Cause.SCHEDULE)
    ahead = ahead.filter(due_at__gt=now).exclude(wall="")
    walls = defaultdict(list)
    for job_id, wall in ahead.values_list("job", "wall"):
        walls[job_id].append(wall)
    ahead.delete()
    begun = Run.objects.filter(job__in=jobs, slot=F("job__next_run_at"))  # periodiq's, whose grace is not over
    over = set(begun.values_list("job", flat=True))
    for job in jobs:
        planned = walls[job.pk]
        job.runs_begun = max(job.runs_begun - len(planned), 0)
        try:
            _follow_one(job, planned, over=job.pk in over)
        except Exception as error:  # planning says so once it is due
            log.error("Job %s cannot be planned by other data on %s: %s", job, job.timezone, error)
        job.zone_data = fingerprint(job.timezone)


def _follow_one(job: ScheduledJob, planned: list[str], *, over: bool) -> None:
    if not planned and not job.next_run_at:
        return
    trigger = job.parsed_trigger()
    following = [job.next_wall or trigger.wall_text(job.next_run_at)] if job.next_run_at else []
    wall = min(filter(None, [*planned, *following]), default=None)
    if wall:
        job.next_wall, job.next_run_at = wall, trigger.instant_at(datetime.fromisoformat(wall))
        if over:
            _note_next(job, trigger, trigger.next_fire(job.next_run_at))


def _note_next(job: ScheduledJob, trigger: Trigger | None, fire: datetime | None) -> None:
    """Note when a job runs next, and by what that was worked out."""
    job.next_run_at, job.zone_data = fire, fingerprint(job.timezone)
    job.next_wall = trigger.wall_text(fire) if trigger and fire else ""


# --- What is saved ----------------------------------------------------------------------------------------


def _bring_in_line(job: ScheduledJob, now: datetime) -> int:
    """Drop the runs that were queued ahead, give the late ones the job's arguments. Returns how many it dropped."""
    by_clock = [Run.Cause.SCHEDULE, Run.Cause.CATCH_UP]
    queued = Run.objects.filter(job=job.pk, state=Run.State.QUEUED, attempts=0, cause__in=by_clock)
    dropped, _ = queued.filter(slot__gt=now).delete()
    # A late run stays, and has yet to start. If its message is to another actor, so are its arguments.
    queued.filter(actor=job.actor).update(args=job.args, kwargs=job.kwargs)
    return dropped


#: The fields of a job that decide when it runs.
DECIDE_WHEN = ("trigger", "timezone", "start_at", "end_at", "enabled", "paused_until", "max_runs", "retired")


def _next_run_at(job: ScheduledJob, before: ScheduledJob | None, now: datetime) -> datetime | None:
    if not job.enabled or job.retired or (job.max_runs and job.runs_begun >= job.max_runs):
        return None
    kept = before and all(getattr(before, name) == getattr(job, name) for name in DECIDE_WHEN)
    if kept and before and before.next_run_at and before.next_run_at <= now and before.is_on(now):
        return before.next_run_at  # it is due or was missed, which a deploy must not hide
    return job.parsed_trigger().next_fire(max(now, job.paused_until or now))
