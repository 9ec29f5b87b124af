"""Cause of a job's pause for a daily quota of the warehouse."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backfill", "0016_job_traceparent"),
    ]

    operations = [
        migrations.AlterField(
            model_name="event",
            name="cause",
            field=models.CharField(
                blank=True,
                choices=[
                    ("operator", "Operator"),
                    ("interrupt", "Interrupt"),
                    ("pause on error", "Pause On Error"),
                    ("canary", "Canary"),
                    ("error", "Error"),
                    ("quota", "Quota"),
                    ("process ended", "Process Ended"),
                    ("worker lost", "Worker Lost"),
                    ("retry", "Retry"),
                    ("runs failed", "Runs Failed"),
                ],
                max_length=20,
            ),
        ),
    ]
