"""The one validation of a job, for code, admin and REST alike."""

from __future__ import annotations

import inspect
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError

from workers import runs, triggers
from workers.allow_list import registry
from workers.models import ScheduledJob
from workers.triggers import TriggerError

MAX_ARGUMENTS_BYTES = 64 * 1024


def check(row: ScheduledJob, now: datetime, *, code: bool = False) -> None:
    """Raises ValidationError naming each field that is wrong, and the fix.

    A job of the code whose last time has passed is finished, not wrong.
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
