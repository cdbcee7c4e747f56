"""The wall-clock time of nights that were moved by hand before it was stored.

It is what the venue's clock showed by the pinned zone data, in the zone noted with the night. Where the host carries
zone data of its own that says otherwise, an older release may have meant another hour: such nights are logged.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import migrations, models
from django.utils import timezone

from events.zones import NO_ZONE, zone_called

log = logging.getLogger(__name__)

HOST = Path("/usr/share/zoneinfo")
BATCH = 1000


def derive(apps: Any, schema_editor: Any) -> None:
    now = timezone.now()
    nights = apps.get_model("events", "GameSession").objects
    last = 0
    while batch := list(nights.filter(edited=True, moved_date=None, pk__gt=last).order_by("pk")[:BATCH]):
        last = batch[-1].pk
        known = [night for night in batch if note(night)]
        nights.bulk_update(known, ["moved_date", "moved_time"])
        for night in known:
            if night.ends_at > now:
                compare(night)


def note(night: Any) -> bool:
    """Whether it can be said, which it cannot where the zone does not exist."""
    zone = zone_called(night.timezone)
    if zone:
        wall = night.starts_at.astimezone(zone)
        night.moved_date, night.moved_time = wall.date(), wall.time()
    return zone is not None


def compare(night: Any) -> None:
    host = host_zone(night.timezone)
    if host is None:
        return
    here = datetime.combine(night.moved_date, night.moved_time)
    there = night.starts_at.astimezone(host).replace(tzinfo=None)
    if here != there:
        log.warning(
            "Session %s of game %s was moved by hand to %s: that is %s in %s, and %s by this host's zone data. "
            "Move it if the host's was meant.",
            *(night.pk, night.game_id, night.starts_at.isoformat(), here, night.timezone, there),
        )


@cache
def host_zone(name: str) -> ZoneInfo | None:
    """The zone as the host's own files have it; None where there is none."""
    try:
        with (HOST / name).open("rb") as file:
            return ZoneInfo.from_file(file, name)
    except NO_ZONE:
        return None


class Migration(migrations.Migration):
    dependencies = [("events", "0007_one_line")]

    operations = [
        migrations.AddField(
            model_name="gamesession",
            name="moved_date",
            field=models.DateField(
                editable=False,
                help_text="Where its hour is its own: the date that the venue's clock is to show.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="gamesession",
            name="moved_time",
            field=models.TimeField(
                editable=False, help_text="And the time; it stays when the zone changes.", null=True
            ),
        ),
        migrations.RunPython(derive, migrations.RunPython.noop, elidable=True),
    ]
