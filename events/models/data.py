"""Which version of the data from outside counts."""

from __future__ import annotations

from django.db import models

from events.public_holidays import HOLIDAYS
from events.zones import ZONE_DATA


class DataVersion(models.Model):
    """The data that sessions are derived from, as the latest `release` brought it: one row.

    While a deploy rolls, processes of two releases work at once. Only those that have this version settle games anew
    and note what games were settled with; what looks outdated to the others is not theirs to judge.
    """

    zone_data = models.CharField(max_length=16)
    holidays = models.CharField(max_length=20)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"zone data {self.zone_data}, holidays {self.holidays}"

    @classmethod
    def note(cls) -> None:
        """Have the version of this process count from now on."""
        cls.objects.update_or_create(pk=1, defaults={"zone_data": ZONE_DATA, "holidays": HOLIDAYS})

    @classmethod
    def is_ours(cls) -> bool:
        """Whether this process has the version that counts; before the first is noted, any."""
        noted = cls.objects.values_list("zone_data", "holidays").first()
        return noted is None or noted == (ZONE_DATA, HOLIDAYS)
