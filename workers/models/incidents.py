"""The incidents that people are told of."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class Incident(models.Model):
    """Something that went wrong. It is told once; what happens anew after it was over is another."""

    class Kind(models.TextChoices):
        CLOCK = "clock"
        JOB = "job"
        GAME = "game"
        SLOT = "slot"
        OVERRUN = "overrun"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    subject = models.CharField(max_length=150, blank=True, help_text="The job, game, slot or run.")
    said = models.TextField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text="Empty: no mail has taken it yet, the next minute tries again.")

    class Meta:
        ordering = ("-opened_at", "pk")
        constraints = [
            models.UniqueConstraint(
                name="one_open_incident", fields=("kind", "subject"), condition=Q(closed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.said.split("\n")[0]
