"""Add the fencing token of runs, and the event of an overwritten run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backfill", "0012_admin_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="fence",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("created", "Created"),
                    ("transition", "Transition"),
                    ("pause on error", "Pause On Error"),
                    ("force cancel", "Force Cancel"),
                    ("preflight override", "Preflight Override"),
                    ("concurrency limit", "Concurrency Limit"),
                    ("approval", "Approval"),
                    ("requeue", "Requeue"),
                    ("overwritten", "Overwritten"),
                ],
                default="transition",
                max_length=20,
            ),
        ),
    ]
