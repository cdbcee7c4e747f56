"""A job keeps the wall-clock time of its next slot, and the zone data by which that became an instant."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workers', '0008_generation_run'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='wall',
            field=models.CharField(db_default='', default='', editable=False, help_text="What the clock of its job's zone is to show at its slot (ISO), if it was planned ahead by that.", max_length=26),
        ),
        migrations.AddField(
            model_name='scheduledjob',
            name='next_wall',
            field=models.CharField(db_default='', default='', editable=False, help_text='What the clock of its zone is to show at next_run_at (ISO); empty where an instant is meant.', max_length=26),
        ),
        migrations.AddField(
            model_name='scheduledjob',
            name='zone_data',
            field=models.CharField(db_default='', default='', editable=False, help_text='The fingerprint of the data on its zone that next_run_at was worked out by.', max_length=16),
        ),
    ]
