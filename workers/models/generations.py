"""The generations of the calendar, each with the horizon that it set."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from events.sessions.windows import MAX_WINDOW_DAYS

#: How much later than now a generation may have been begun: no two hosts' clocks agree altogether.
CLOCKS_DIFFER = timedelta(minutes=1)


class GenerationQuerySet(models.QuerySet["Generation"]):
    def possible_at(self, now: datetime) -> GenerationQuerySet:
        """Generations that can be there at `now`. Nobody is to believe the others: see `impossible_at`."""
        return self.filter(_possible_at(now))

    def impossible_at(self, now: datetime) -> GenerationQuerySet:
        """Generations that a clock began which was ahead, and those that look further than a window can."""
        return self.exclude(_possible_at(now))


def _possible_at(now: datetime) -> Q:
    return Q(at__lte=now + CLOCKS_DIFFER, days__lt=MAX_WINDOW_DAYS)


class Generation(models.Model):
    """One filling of the calendar, up to `days` days from each venue's today at the instant `at`.

    It belongs to the run that asked for it: one that is tried again has its own again. A nightly one alone has a slot
    as well: PostgreSQL's unique slot makes two schedulers, or a message that comes twice, one generation.
    """

    run_id = models.UUIDField(null=True, unique=True, help_text="The run that asked for it.")
    slot = models.DateTimeField(null=True, unique=True, help_text="Which night's it is; empty: asked for by hand.")
    at = models.DateTimeField()
    days = models.PositiveSmallIntegerField()
    sent = models.PositiveIntegerField(null=True, help_text="Messages of the fan-out; empty until it is complete.")
    lagging = models.PositiveIntegerField(
        null=True, help_text="Games behind the horizon that counts, when last counted."
    )
    moved_at = models.DateTimeField(help_text="When it last got on, or its games were last sent.")
    finished_at = models.DateTimeField(null=True, help_text="When no game lagged any more.")

    objects = GenerationQuerySet.as_manager()

    class Meta:
        ordering = ("-at",)
        get_latest_by = "at"

    def __str__(self) -> str:
        return f"generation of {self.at:%Y-%m-%d %H:%M} UTC, {self.days} days"
