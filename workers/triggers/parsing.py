"""The trigger types, and the way from a job's JSON to a trigger of one of them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from workers.triggers.base import Trigger
from workers.triggers.cron import CronTrigger
from workers.triggers.date import DateTrigger
from workers.triggers.interval import IntervalTrigger
from workers.triggers.values import DEFAULT_TIMEZONE, Moment, TriggerError, quoted
from workers.triggers.words import listed

#: Every trigger type by its name in JSON. A new one needs a file of its own beside this one, and its name here.
TRIGGER_TYPES: dict[str, type[Trigger]] = {
    trigger.kind: trigger for trigger in (IntervalTrigger, CronTrigger, DateTrigger)
}


def parse(
    spec: dict[str, Any],
    *,
    timezone: tzinfo | str = DEFAULT_TIMEZONE,
    anchor: datetime | None = None,
    start_at: Moment | None = None,
    end_at: Moment | None = None,
    jitter: int | None = None,
) -> Trigger:
    """The trigger that a job's JSON describes.

    Parameters:
        spec: `{"type": "interval" | "cron" | "date", …}`; fields that are null count as not given.
        timezone: IANA name of the job's zone.
        anchor: the job's stored anchor (aware): intervals without start_at are counted from it.
        start_at, end_at: inclusive bounds: aware, or walls of the job's zone.
        jitter: whole seconds.

    Raises TriggerError that names the field and the fix. A well-formed trigger with nothing left to fire is
    returned, because a job in code whose date has passed is finished, not wrong; see `ensure_fires`.
    """
    trigger_type = _type_of(spec)
    fields = {name: value for name, value in spec.items() if name != "type" and value is not None}
    return trigger_type.from_json(
        fields, anchor=anchor, start_date=start_at, end_date=end_at, timezone=timezone, jitter=jitter
    )


def _type_of(spec: dict[str, Any]) -> type[Trigger]:
    """The type of trigger that the spec names, which has all the fields that are in it."""
    if not isinstance(spec, dict):
        raise TriggerError("trigger", f'{quoted(spec)} is not an object; write {{"type": "cron", "hour": 5}}')
    kind = spec.get("type")
    if not isinstance(kind, str) or kind not in TRIGGER_TYPES:
        wrong = f"{quoted(kind)} is not a type of trigger" if "type" in spec else "the type is missing"
        raise TriggerError("trigger.type", f"{wrong}; use {listed(list(TRIGGER_TYPES), 'or')}")
    known = TRIGGER_TYPES[kind].field_names
    for name in spec:
        if name not in ("type", *known):
            message = f"{quoted(name)} is no field of {kind} triggers; their fields are {', '.join(known)}"
            raise TriggerError(f"trigger.{name}", message)
    return TRIGGER_TYPES[kind]
