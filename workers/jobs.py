"""Jobs in code: `@job` and `add_job`, the allow-list they make, and the run around each call.

What may be scheduled is what `@job` decorates, and nothing else: a message names an actor, so the list is what keeps
the right to schedule from being the right to run anything.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial, wraps
from time import sleep
from typing import Any

import dramatiq
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InterfaceError, OperationalError, close_old_connections, transaction
from django.utils import timezone
from dramatiq import Actor, Message
from dramatiq.middleware import CurrentMessage
from periodiq import CronSpec

from workers import runs, triggers
from workers.models import Run, ScheduledJob
from workers.triggers import CronTrigger, Trigger, TriggerError

log = logging.getLogger(__name__)

MAX_ARGUMENTS_BYTES = 64 * 1024

#: Where jobs may run. A worker process has connections to the database for these and the games, and for no more.
QUEUES = ("default", "clock")


@dataclass(frozen=True, slots=True)
class JobActor:
    """An actor of the allow-list."""

    actor: Actor[..., Any]
    signature: inspect.Signature

    def check(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Raises TypeError saying what is wrong with the arguments."""
        self.signature.bind(*args, **kwargs)

    def message(self, run: Run) -> Message[Any]:
        """The message that starts the next attempt of a run."""
        return self.actor.message_with_options(
            args=run.args, kwargs=run.kwargs, run_id=str(run.pk), attempt=run.attempts
        )


@dataclass(frozen=True, slots=True)
class Declared:
    """A job as the code declares it: the fields of its row.

    Raises django.core.exceptions.ValidationError for an option that is none.
    """

    id: str
    actor: str
    trigger: Trigger
    by_periodiq: bool = False
    replace_existing: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.options:
            if name not in DECLARABLE:
                raise ValidationError({name: f"This is no option of a job: they are {', '.join(DECLARABLE)}."})


#: What `@job` and `add_job` take beside the trigger.
DECLARABLE = ("args", "kwargs", "max_runs", "max_instances", "misfire_grace", "catch_up")

#: How long (seconds) a worker waits before it tries again to write what became of a run. Its pulse goes on meanwhile.
OUTCOME_PAUSES = (0.5, 1, 2, 4, 8, 16, 32)

registry: dict[str, JobActor] = {}
declared: dict[str, Declared] = {}
_current: ContextVar[Run | None] = ContextVar("run", default=None)


def current_run() -> Run | None:
    """The run that this code is called in, if any."""
    return _current.get()


# --- Declaring --------------------------------------------------------------------------------------------


def job(
    *,
    trigger: Trigger | None = None,
    periodic: CronSpec | None = None,
    queue_name: str = "default",
    priority: int = 0,
    time_limit: int = 600_000,
    throws: tuple[type[Exception], ...] = (),
    **options: Any,
) -> Callable[[Callable[..., Any]], Actor[..., Any]]:
    """Make a function an actor that may be scheduled, and schedule it under its own name if told when.

    Parameters:
      trigger: when the clock is to call it; any trigger of `workers.triggers`.
      periodic: the same as a periodiq spec, `cron("0 5 * * *")` on the clock of TIME_ZONE; periodiq itself fires it.
        Without either the function may be scheduled by staff, and sent by hand.
      queue_name: "default"; or "clock", for what is over at once and must not wait behind long jobs.
      priority, time_limit (ms): as dramatiq has them.
      throws: errors that trying again will not mend.
      options: the job's other fields, as in `workers.models.ScheduledJob`: args, kwargs, max_instances, catch_up, …

    The function's `.send()` is a run as well, without a slot.

    Raises ValueError for another queue, and django.core.exceptions.ValidationError for an option that is none.
    """
    if queue_name not in QUEUES:
        raise ValueError(f'"{queue_name}" is no queue for jobs: take {" or ".join(QUEUES)}.')
    if options and not (trigger or periodic):
        raise ValidationError(dict.fromkeys(options, "Only a job with a trigger has options: give it one."))

    def decorate(function: Callable[..., Any]) -> Actor[..., Any]:
        name = function.__name__
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"{name} is a coroutine, which no run would await: write `def`, and asyncio.run inside.")
        make_actor = dramatiq.actor(
            actor_name=name,
            queue_name=queue_name,
            priority=priority,
            time_limit=time_limit,
            max_retries=0,  # the run's row alone retries, and so survives Redis
            **({"periodic": periodic} if periodic else {}),
        )
        actor = make_actor(_recorded(function, name, throws))
        registry[name] = JobActor(actor, inspect.signature(function))
        when = _as_trigger(periodic) if periodic else trigger
        if when:
            _declare(Declared(name, name, when, by_periodiq=bool(periodic), options=options))
        return actor

    return decorate


def _as_trigger(periodic: CronSpec) -> Trigger | None:
    try:
        return CronTrigger.from_crontab(str(periodic), settings.TIME_ZONE)
    except TriggerError:
        return None  # workers.checks says what is wrong with it


def add_job(
    func: Actor[..., Any],
    trigger: Trigger,
    id: str,
    args: list[Any] | tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    max_instances: int = 1,
    replace_existing: bool = False,
    **options: Any,
) -> None:
    """Schedule an actor of the allow-list, in the reference's words.

    While the apps are loading (in `AppConfig.ready()`, or as a module is imported) the job is only registered, and
    `migrate` writes it; later it is written at once. An existing job of that id is replaced only if
    `replace_existing` is on.

    Raises django.core.exceptions.ValidationError naming the field and the fix.
    """
    if not isinstance(func, Actor) or func.actor_name not in registry:
        raise ValidationError({"func": f"{func!r} is not on the list of what may be scheduled: decorate it with @job."})
    options |= {"args": list(args), "kwargs": kwargs or {}, "max_instances": max_instances}
    asked = Declared(id, func.actor_name, trigger, replace_existing=replace_existing, options=options)
    if not apps.ready:
        _declare(asked)
        return
    existing = ScheduledJob.objects.filter(pk=id).first()
    if existing and existing.origin == ScheduledJob.Origin.CODE:
        raise ValidationError({"id": f'The code declares a job "{id}": take another id, or change it there.'})
    if existing and not replace_existing:
        raise ValidationError({"id": f'There is a job "{id}" already: take another id, or replace_existing=True.'})
    _write(asked, existing, ScheduledJob.Origin.STAFF, timezone.now())


def _declare(asked: Declared) -> None:
    if asked.id in declared and not asked.replace_existing:
        raise ValidationError({"id": f'The code declares a job "{asked.id}" twice: give one of them another id.'})
    declared[asked.id] = asked


def keep_in_step(now: datetime) -> None:
    """Make the table's jobs of origin `code` what the code declares, after each migrate.

    Added, updated, or retired with their history when the code has them no longer. Whether one is paused is kept,
    and one that has not changed is left as it is, with what is queued of it. Staff's jobs are never touched.
    """
    with transaction.atomic():
        for asked in declared.values():
            existing = ScheduledJob.objects.select_for_update().filter(pk=asked.id).first()
            if existing and existing.origin == ScheduledJob.Origin.STAFF:
                log.error("The code declares job %s, and so did staff: theirs stays, give yours another id", asked.id)
            else:
                _write(asked, existing, ScheduledJob.Origin.CODE, now)
        gone = ScheduledJob.objects.filter(origin=ScheduledJob.Origin.CODE).exclude(pk__in=declared)
        gone.update(retired=True, next_run_at=None)


def _write(asked: Declared, existing: ScheduledJob | None, origin: str, now: datetime) -> None:
    row = existing or ScheduledJob(pk=asked.id)
    before = _written(row)
    for name in DECLARABLE:
        field: Any = ScheduledJob._meta.get_field(name)
        setattr(row, name, asked.options.get(name, field.get_default()))
    row.actor, row.origin, row.retired, row.by_periodiq = asked.actor, origin, False, asked.by_periodiq
    row.trigger, row.timezone = asked.trigger.to_json(), str(asked.trigger.timezone)
    row.start_at, row.end_at, row.jitter = asked.trigger.start_at, asked.trigger.end_at, asked.trigger.jitter
    check(row, now, code=origin == ScheduledJob.Origin.CODE)
    if existing is None or _written(row) != before:
        save(row, now)


def _written(row: ScheduledJob) -> list[Any]:
    """What the code decides of a row."""
    own = ("actor", "origin", "retired", "by_periodiq", "trigger", "timezone", "start_at", "end_at", "jitter")
    return [getattr(row, name) for name in (*DECLARABLE, *own)]


# --- Checking ---------------------------------------------------------------------------------------------


def check(row: ScheduledJob, now: datetime, *, code: bool = False) -> None:
    """The one validation of a job, for code, admin and REST alike.

    Raises ValidationError naming each field and the fix. A job in code whose last time has passed is finished, not
    wrong.
    """
    row.anchor = row.anchor or now
    errors: dict[str, list[str]] = {}
    for test in (_check_actor, _check_arguments, _check_trigger):
        try:
            test(row, now, code)
        except ValidationError as error:
            errors |= error.message_dict
    if errors:
        raise ValidationError(errors)
    row.clean_fields(exclude=["trigger", "args", "kwargs"])


def _check_actor(row: ScheduledJob, now: datetime, code: bool) -> None:
    if row.actor not in registry:
        known = ", ".join(sorted(registry))
        raise ValidationError({"actor": f'"{row.actor}" is not on the list of what may be scheduled: {known}.'})


def _check_arguments(row: ScheduledJob, now: datetime, code: bool) -> None:
    if not isinstance(row.args, list):
        raise ValidationError({"args": 'This is no list: write positional arguments as [1, "two"].'})
    if not isinstance(row.kwargs, dict) or not all(isinstance(name, str) for name in row.kwargs):
        raise ValidationError({"kwargs": 'This is no object: write named arguments as {"days": 60}.'})
    try:
        size = runs.json_size([row.args, row.kwargs])
    except (TypeError, ValueError, RecursionError) as error:
        raise ValidationError({"kwargs": f"JSON cannot hold these arguments ({error}): pass an id."}) from None
    if size > MAX_ARGUMENTS_BYTES:
        raise ValidationError({"kwargs": f"Arguments take {size} bytes, {MAX_ARGUMENTS_BYTES} at most: pass an id."})
    if row.actor in registry:
        try:
            registry[row.actor].check(row.args, row.kwargs)
        except TypeError as error:
            shape = f"{row.actor}{registry[row.actor].signature.replace(return_annotation=inspect.Signature.empty)}"
            raise ValidationError({"kwargs": f"These are not the arguments of {shape}: {error}."}) from None


def _check_trigger(row: ScheduledJob, now: datetime, code: bool) -> None:
    try:
        trigger = row.parsed_trigger()
        finest = trigger.smallest_gap()
        least = timedelta(seconds=settings.MIN_JOB_INTERVAL_SECONDS)
        if finest is not None and finest < least:
            raise TriggerError(
                "trigger", f"it fires every {finest.total_seconds():g} s: {least.seconds} s is the least"
            )
        if row.by_periodiq and (row.args or row.kwargs):
            raise ValidationError({"kwargs": "periodiq sends no arguments: give the job a `trigger` instead."})
        if row.by_periodiq and row.max_runs:
            raise TriggerError("max_runs", "periodiq does not count: give trigger= instead of periodic=")
        if not code:
            triggers.ensure_fires(trigger, now)
    except TriggerError as error:
        name, _, part = error.field.partition(".")
        said = f"{part}: {error}" if part else str(error)
        raise ValidationError({name: f"{said[:1].upper()}{said[1:]}."}) from None


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
            transaction.on_commit(partial(_dispatch_at_once, row.pk, now))


def _dispatch_at_once(job_id: str, now: datetime) -> None:
    from workers import dispatch  # which imports this module

    dispatch.dispatch_at_once(job_id, now)


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


def pause(row: ScheduledJob, now: datetime, *, until: datetime | None = None, because: str = "") -> None:
    """Let nothing of a job start until it is resumed, or until `until` (aware)."""
    with transaction.atomic():
        row.refresh_from_db(from_queryset=ScheduledJob.objects.select_for_update(no_key=True))
        row.enabled, row.paused_until, row.paused_because = until is not None, until, because
        save(row, now)


def resume(row: ScheduledJob, now: datetime) -> None:
    """Let a job start again, from now on. Raises ValidationError as `check` does: it would only be paused again."""
    with transaction.atomic():
        row.refresh_from_db(from_queryset=ScheduledJob.objects.select_for_update(no_key=True))
        row.enabled, row.paused_until = True, None
        check(row, now, code=row.origin == ScheduledJob.Origin.CODE)
        save(row, now)


@dataclass(frozen=True, slots=True)
class Fire:
    """A time at which a job will fire: the instant (UTC), the wall clock of its zone, what the clocks do to it."""

    at: datetime
    local: str
    note: str | None


def next_fires(row: ScheduledJob, n: int, now: datetime) -> list[Fire]:
    """The next `n` times a job will fire, were it on. Raises triggers.TriggerError naming the field."""
    row.anchor = row.anchor or now
    trigger = row.parsed_trigger()
    left = n if row.max_runs is None else min(n, row.max_runs - row.runs_begun)
    fires: list[datetime] = []
    while len(fires) < left and (fire := trigger.next_fire(fires[-1] if fires else now)):
        fires.append(fire)
    return [
        Fire(fire, f"{fire.astimezone(trigger.timezone):%a %-d %b %Y %H:%M:%S %Z}", trigger.note(fire))
        for fire in fires
    ]


# --- The run around the call ------------------------------------------------------------------------------


def _recorded(function: Callable[..., Any], name: str, throws: tuple[type[Exception], ...]) -> Callable[..., None]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        message = CurrentMessage.get_current_message()
        if message is None or message.actor_name != name or current_run():
            return function(*args, **kwargs)  # called as the plain function it is
        run = _begin(message, timezone.now())
        if run and _fits(run, name):
            close_old_connections()  # while it works without the database, others may have its connection
            with runs.pulse.of(run), _as_current(run):
                _finish(run, lambda: function(*run.args, **run.kwargs), throws)
        return None

    return call


def _fits(run: Run, name: str) -> bool:
    """Whether the run's arguments are the function's, which a deploy may have changed; else it fails, once."""
    try:
        registry[name].check(run.args, run.kwargs)
    except TypeError as error:
        runs.fail(run, error, timezone.now(), again=False)
        return False
    return True


def _finish(run: Run, function: Callable[[], Any], throws: tuple[type[Exception], ...]) -> None:
    try:
        result = function()
    except BaseException as error:  # dramatiq's time limit is no Exception, nor is sys.exit()
        _insist(partial(runs.fail, run, error, timezone.now(), again=not isinstance(error, throws)))
    else:
        _insist(partial(runs.succeed, run, result, timezone.now()))


def _insist(write: Callable[[], bool]) -> None:
    """Write an outcome even though PostgreSQL is away for a minute: were it lost, the work would be done again."""
    for pause in OUTCOME_PAUSES:
        close_old_connections()  # one that broke while the function worked is no reason to lose what it did
        try:
            write()
            return
        except (OperationalError, InterfaceError) as error:
            log.warning("The outcome of a run is not written yet: %s", error)
            sleep(pause)
    write()


def _begin(message: Message[Any], now: datetime) -> Run | None:
    """The run that a message starts: its own, its slot's, or one without a slot. None when there is none to start."""
    options = message.options
    if "run_id" in options:
        return runs.claim(options["run_id"], options.get("attempt", 0), message.message_id, now)
    row = ScheduledJob.objects.filter(pk=message.actor_name, actor=message.actor_name).first()
    # Its id is the message's, so that one that comes again, because its worker died, is still the same run.
    run = Run(message.message_id, actor=message.actor_name, args=list(message.args), kwargs=message.kwargs, job=row)
    if "scheduled_at" not in options:
        run.cause = Run.Cause.MANUAL
        return runs.begin(run, message.message_id, now)
    run.slot = datetime.fromisoformat(options["scheduled_at"]).replace(second=0, microsecond=0)
    return runs.begin(run, message.message_id, now) if row and _is_slot(row, run.slot, now) else None


def _is_slot(row: ScheduledJob, slot: datetime, now: datetime) -> bool:
    """Whether the job's own trigger names the minute that periodiq sent, and it comes on time.

    After a restart inside the minute periodiq sends it again, and 02:30 comes twice when the clocks go back. One
    that comes late is the tick's to make good, by the job's policy.
    """
    on_time = now - slot < timedelta(seconds=row.misfire_grace)
    taken = row.is_on(now) and on_time and next(row.parsed_trigger().fires(slot, slot), None) is not None
    if not taken:
        log.info("%s: %s is no slot of it, or it is paused, or late", row, slot)
    return taken


@contextmanager
def _as_current(run: Run) -> Iterator[None]:
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)
