"""Add the clock difference of workers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backfill", "0014_file_set_aside"),
    ]

    operations = [
        migrations.AddField(
            model_name="worker",
            name="clock_ahead",
            field=models.FloatField(default=0.0),
        ),
    ]
