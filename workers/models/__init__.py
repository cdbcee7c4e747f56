"""What the clock remembers."""

from workers.models.clock import Clock
from workers.models.digests import Digest
from workers.models.generations import Generation
from workers.models.incidents import Incident
from workers.models.jobs import JobQuerySet, ScheduledJob
from workers.models.runs import Run, RunQuerySet

__all__ = ["Clock", "Digest", "Generation", "Incident", "JobQuerySet", "Run", "RunQuerySet", "ScheduledJob"]
