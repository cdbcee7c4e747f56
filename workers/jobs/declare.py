"""The jobs that code declares, with `@job` or `add_job`, and the rows that follow them."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dramatiq
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from dramatiq import Actor
from periodiq import CronSpec

from workers.allow_list import JobActor, registry
from workers.jobs.calls import recorded
from workers.jobs.validate import check
from workers.models import CODE_FIELDS, TRIGGER_FIELDS, ScheduledJob
from workers.triggers import CronTrigger, Trigger, TriggerError

log = logging.getLogger(__name__)

#: The queues where jobs may run. A worker process has connections to the database for these and the games, and for no
#: more.
QUEUES = ("default", "clock")


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
            if name not in CODE_FIELDS:
                raise ValidationError({name: f"This is no option of a job: the options are {', '.join(CODE_FIELDS)}."})


declared: dict[str, Declared] = {}


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
      periodic: instead of a trigger a periodiq spec, `cron("0 5 * * *")` on the clock of TIME_ZONE; periodiq itself
        fires it. Without either the function may be scheduled by staff, and sent by hand.
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
        actor = make_actor(recorded(function, name, throws))
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

    A job is added, updated or, when the code has it no longer, retired with its history. Whether it is paused is kept,
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
    for name in CODE_FIELDS:
        field: Any = ScheduledJob._meta.get_field(name)
        setattr(row, name, asked.options.get(name, field.get_default()))
    row.actor, row.origin, row.retired, row.by_periodiq = asked.actor, origin, False, asked.by_periodiq
    row.trigger, row.timezone = asked.trigger.to_json(), str(asked.trigger.timezone)
    row.start_at, row.end_at, row.jitter = asked.trigger.start_at, asked.trigger.end_at, asked.trigger.jitter
    check(row, now, code=origin == ScheduledJob.Origin.CODE)
    if existing is None or _written(row) != before:
        row.save(now=now)


def _written(row: ScheduledJob) -> list[Any]:
    """What the code decides of a row."""
    own = ("actor", "origin", "retired", "by_periodiq")
    return [getattr(row, name) for name in (*own, *TRIGGER_FIELDS, *CODE_FIELDS)]
