from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0004_holidays'),
    ]

    operations = [
        migrations.AlterField(
            model_name='venue',
            name='active',
            field=models.BooleanField(default=True, help_text='Off: hidden from players, its calendar feeds stop, and no more sessions are written.'),
        ),
        migrations.AlterField(
            model_name='venue',
            name='contact_email',
            field=models.EmailField(blank=True, help_text="Gets the day's list by e-mail each morning at 7.", max_length=254),
        ),
    ]
