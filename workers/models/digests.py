"""The daily e-mails that venues were sent."""

from __future__ import annotations

from django.db import models

from events.models import Venue


class Digest(models.Model):
    """A venue's daily e-mail, noted before it is sent: it goes out at most once."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="+")
    date = models.DateField(help_text="The venue's own date.")

    class Meta:
        constraints = [models.UniqueConstraint(name="one_digest_a_day", fields=("venue", "date"))]
