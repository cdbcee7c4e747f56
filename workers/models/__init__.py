"""What the clock remembers."""

from workers.models.clock import Clock
from workers.models.digests import Digest
from workers.models.generations import Generation
from workers.models.incidents import Incident
from workers.models.jobs import (
    CODE_FIELDS,
    ENGINE_FIELDS,
    MOST_INSTANCES,
    STAFF_FIELDS,
    TRIGGER_FIELDS,
    JobQuerySet,
    ScheduledJob,
)
from workers.models.processes import WorkerProcess
from workers.models.runs import Run, RunQuerySet

__all__ = [
    "CODE_FIELDS",
    "ENGINE_FIELDS",
    "MOST_INSTANCES",
    "STAFF_FIELDS",
    "TRIGGER_FIELDS",
    "Clock",
    "Digest",
    "Generation",
    "Incident",
    "JobQuerySet",
    "Run",
    "RunQuerySet",
    "ScheduledJob",
    "WorkerProcess",
]
