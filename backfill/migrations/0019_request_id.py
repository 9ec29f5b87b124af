"""Add the request that started a job or stored a launch."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backfill", "0018_measures"),
    ]

    operations = [
        migrations.AddField(
            model_name=name,
            name="request_id",
            field=models.CharField(blank=True, max_length=64),
        )
        for name in ("job", "launch")
    ]
