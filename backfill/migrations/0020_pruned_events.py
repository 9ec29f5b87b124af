"""Events of pruning."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backfill', '0019_request_id'),
    ]

    operations = [
        migrations.AlterField(
            model_name='event',
            name='kind',
            field=models.CharField(choices=[('created', 'Created'), ('transition', 'Transition'), ('pause on error', 'Pause On Error'), ('force cancel', 'Force Cancel'), ('preflight override', 'Preflight Override'), ('concurrency limit', 'Concurrency Limit'), ('approval', 'Approval'), ('requeue', 'Requeue'), ('overwritten', 'Overwritten'), ('file set aside', 'Set Aside'), ('pruned', 'Pruned')], default='transition', max_length=20),
        ),
    ]
