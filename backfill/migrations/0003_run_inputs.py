from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("backfill", "0002_jobs_that_survive"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="inputs",
            field=models.CharField(blank=True, max_length=40),
        ),
    ]
