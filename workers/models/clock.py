"""The heartbeat of the clock."""

from __future__ import annotations

from django.db import models


class Clock(models.Model):
    """The tick's heartbeat: one row, which also keeps two ticks from running at one time."""

    last_tick = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)
