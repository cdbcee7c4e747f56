"""Jobs of the stories, and what their work says of itself."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from workers.models import Run, ScheduledJob

#: What processes need in order to know the actor `work`.
WORK = {"DJANGO_SETTINGS_MODULE": "tests.acceptance.settings"}


def make_job(id: str, trigger: dict[str, Any], now: datetime, **fields: Any) -> ScheduledJob:
    """A job saved at `now`, by staff, that calls `work`; `seconds` and `hold` are handed on."""
    arguments = {name: fields.pop(name) for name in ("seconds", "hold") if name in fields}
    job = ScheduledJob(id=id, actor="work", kwargs={"name": id, **arguments}, trigger=trigger, **fields)
    job.save(now=now)
    return job


@dataclass(frozen=True)
class Note:
    run: str
    attempt: int
    what: str
    at: datetime
    pid: int


def notes(queues: redis.Redis, name: str, what: str = "") -> list[Note]:
    """What the work called `name` has noted, in order."""
    found: Any = queues.lrange(f"{name}:notes", 0, -1)
    told = [Note(**{**note, "at": datetime.fromtimestamp(note["at"], UTC)}) for note in map(json.loads, found)]
    return [note for note in told if what in ("", note.what)]


def most_at_once(told: list[Note]) -> int:
    at_once = most = 0
    for note in told:
        at_once += 1 if note.what == "began" else -1
        most = max(most, at_once)
    return most


def rows(job: str, **fields: Any) -> list[Run]:
    """A job's runs with a slot, in the order of their slots."""
    return list(Run.objects.filter(job_id=job, slot__isnull=False, **fields).order_by("slot"))


def grid(first: datetime, last: datetime, seconds: int) -> list[datetime]:
    """Every so many seconds from `first` to `last`, both included."""
    steps = int((last - first).total_seconds()) // seconds
    return [first.astimezone(UTC) + timedelta(seconds=n * seconds) for n in range(steps + 1)]


def settled(queues: redis.Redis) -> bool:
    """Whether no message is left that is to run now; those that wait for their time do not count."""
    return not any(queues.hlen(f"dramatiq:{queue}.msgs") for queue in ("clock", "games", "default"))
