"""Which data on its venue's zone the sessions of a game were settled with: of those that exist, nobody knows."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef


def tell_from_never_settled(apps: Any, schema_editor: Any) -> None:
    """Games that have sessions without being settled to any date: paused when they were split off."""
    sessions = apps.get_model("events", "GameSession").objects.filter(game=OuterRef("pk"))
    games = apps.get_model("events", "Game").objects.filter(generated_through=None)
    games.filter(Exists(sessions)).update(zone_data="unknown")


class Migration(migrations.Migration):
    dependencies = [("events", "0008_moved_nights_keep_their_hour")]

    operations = [
        migrations.AddField(
            model_name="game",
            name="zone_data",
            field=models.CharField(
                db_default="",
                default="",
                editable=False,
                help_text="Fingerprint of the zone data that its sessions were last settled with; empty: unknown.",
                max_length=16,
            ),
        ),
        migrations.RunPython(tell_from_never_settled, migrations.RunPython.noop, elidable=True),
    ]
