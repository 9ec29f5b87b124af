from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backfill', '0002_jobs_that_survive'),
    ]

    operations = [
        migrations.AddField(
            model_name='trigger',
            name='topic',
            field=models.CharField(blank=True, default='', max_length=400),
            preserve_default=False,
        ),
    ]
