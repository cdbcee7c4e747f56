"""Jobs: declared in code, checked, paused, previewed, and called by workers."""

from workers.allow_list import registry
from workers.current import current_run
from workers.jobs.declare import Declared, add_job, declared, job, keep_in_step
from workers.jobs.pausing import pause, resume
from workers.jobs.preview import Fire, next_fires
from workers.jobs.validate import check

__all__ = [
    "Declared",
    "Fire",
    "add_job",
    "check",
    "current_run",
    "declared",
    "job",
    "keep_in_step",
    "next_fires",
    "pause",
    "registry",
    "resume",
]
