"""The next times at which a job will fire, for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workers.models import ScheduledJob


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
