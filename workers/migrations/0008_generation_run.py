"""Each generation belongs to the run that asked for it; a slot is that of a night alone."""

from django.db import migrations, models
from django.db.models import Exists, OuterRef

NIGHTLY = "generate_upcoming_game_sessions"


def take_slots_of_other_jobs(apps, schema_editor):
    """Generations that another job than the nightly one asked for count as asked for by hand."""
    runs = apps.get_model("workers", "Run").objects.filter(actor=NIGHTLY, slot=OuterRef("slot"))
    of_slots = apps.get_model("workers", "Generation").objects.filter(slot__isnull=False)
    of_slots.filter(~Exists(runs.filter(job=NIGHTLY)), Exists(runs)).update(slot=None)


class Migration(migrations.Migration):

    dependencies = [
        ("workers", "0007_worker_processes"),
    ]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="run_id",
            field=models.UUIDField(help_text="The run that asked for it.", null=True, unique=True),
        ),
        migrations.AlterField(
            model_name="generation",
            name="slot",
            field=models.DateTimeField(
                help_text="Which night's it is; empty: asked for by hand.", null=True, unique=True
            ),
        ),
        migrations.AlterField(
            model_name="generation",
            name="lagging",
            field=models.PositiveIntegerField(
                help_text="Games behind the horizon that counts, when last counted.", null=True
            ),
        ),
        migrations.RunPython(take_slots_of_other_jobs, migrations.RunPython.noop),
    ]
