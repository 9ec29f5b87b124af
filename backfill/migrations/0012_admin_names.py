"""Name models for the admin site."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("backfill", "0011_audit_names"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="batch",
            options={"verbose_name": "batch", "verbose_name_plural": "batches"},
        ),
        migrations.AlterModelOptions(
            name="launch",
            options={"verbose_name": "launch", "verbose_name_plural": "launches"},
        ),
        migrations.AlterModelOptions(
            name="limits",
            options={
                "verbose_name": "concurrency limit",
                "verbose_name_plural": "concurrency limit",
            },
        ),
        migrations.AlterModelOptions(
            name="notice",
            options={"verbose_name": "notification", "verbose_name_plural": "notifications"},
        ),
        migrations.AlterModelOptions(
            name="trigger",
            options={"verbose_name": "Phase 5 message", "verbose_name_plural": "Phase 5 messages"},
        ),
    ]
