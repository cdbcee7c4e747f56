"""Which version of the data from outside counts: `migrate` notes it when it is done."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0009_zone_data")]

    operations = [
        migrations.CreateModel(
            name="DataVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("zone_data", models.CharField(max_length=16)),
                ("holidays", models.CharField(max_length=20)),
            ],
            options={"default_permissions": ()},
        ),
    ]
