"""Columns that the pages of jobs and of runs have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from unfold.decorators import display

from workers.models import Run, ScheduledJob

STATE_COLOURS = {
    "queued": "info",
    "running": "info",
    "succeeded": "success",
    "failed": "danger",
    "skipped": "warning",
    "misfired": "warning",
}


def instant_column(name: str, title: str) -> Any:
    """The column of an instant of a job or a run, ordered by it."""

    @display(description=title, ordering=name)
    def column(self: Any, row: ScheduledJob | Run) -> str | None:
        return in_words(getattr(row, name))

    return column


def in_words(at: datetime | None) -> str | None:
    """An instant with its seconds and its zone: jobs of many zones stand in one list."""
    return f"{timezone.localtime(at):%-d %b %Y, %H:%M:%S %Z}" if at else None
