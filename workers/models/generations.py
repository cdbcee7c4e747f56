"""The generations of the calendar, each with the horizon that it set."""

from __future__ import annotations

from django.db import models


class Generation(models.Model):
    """One filling of the calendar, up to `days` days from each venue's today at the instant `at`.

    PostgreSQL's unique slot makes two schedulers, or a message that comes twice, one generation.
    """

    slot = models.DateTimeField(null=True, unique=True, help_text="Its nominal time; empty: asked for by hand.")
    at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    sent = models.PositiveIntegerField(null=True, help_text="Messages of the fan-out; empty until it is complete.")
    lagging = models.PositiveIntegerField(null=True, help_text="Games behind its horizon, when last counted.")
    moved_at = models.DateTimeField(help_text="When it last got on, or its games were last sent.")
    finished_at = models.DateTimeField(null=True, help_text="When no game lagged any more.")

    class Meta:
        ordering = ("-at",)
        get_latest_by = "at"

    def __str__(self) -> str:
        return f"generation of {self.at:%Y-%m-%d %H:%M} UTC, {self.days} days"
