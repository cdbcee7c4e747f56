"""The worker processes that there are, and that there were until a day ago."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models


class WorkerProcess(models.Model):
    """One process of a worker. It beats, idle or not; times are the database's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)
    ahead = models.DurationField(default=timedelta(0), help_text="Its own clock against the database's, at its beat.")
    zone_data = models.CharField(max_length=32, help_text="The release of IANA's data that it reads.")
    holiday_data = models.CharField(max_length=32, help_text="The version of the data on public holidays.")

    class Meta:
        verbose_name_plural = "worker processes"
        ordering = ("-beat_at", "pk")

    def __str__(self) -> str:
        return f"worker {str(self.pk)[:8]} on {self.host}"
