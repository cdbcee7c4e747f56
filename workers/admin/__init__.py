"""The operator's desk: a page for each job, and one for each run."""

from workers.admin.jobs import ScheduledJobAdmin
from workers.admin.runs import RunAdmin

__all__ = ["RunAdmin", "ScheduledJobAdmin"]
