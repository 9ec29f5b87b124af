from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backfill', '0005_panel'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='warehouse_jobs',
            field=models.JSONField(default=dict),
        ),
    ]
