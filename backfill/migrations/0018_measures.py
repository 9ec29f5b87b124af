"""Add counters and histograms, and the cost of jobs on BigQuery."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backfill', '0017_quota_pause'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='billed_bytes',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='job',
            name='slot_seconds',
            field=models.FloatField(default=0.0),
        ),
        migrations.CreateModel(
            name='Measure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('labels', models.CharField(blank=True, max_length=120)),
                ('bucket', models.CharField(blank=True, max_length=8)),
                ('value', models.FloatField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'labels', 'bucket'), name='one_measure')],
            },
        ),
    ]
