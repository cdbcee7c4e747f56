"""The heartbeat of the clock."""

from __future__ import annotations

from django.db import models


class Clock(models.Model):
    """The tick's heartbeat: one row, which also keeps two ticks from running at one time."""

    last_tick = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)
    silent_until = models.DateTimeField(null=True, help_text="When all workers were found to have been silent.")
    # How far the scheduler's clock was ahead at the last tick and the one before it; negative: its message came late.
    scheduler_ahead = models.DurationField(null=True)
    scheduler_ahead_before = models.DurationField(null=True)
