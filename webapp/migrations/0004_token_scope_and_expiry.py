"""Add expiry, scope and dependence on the password to tokens."""

import webapp.models.token
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('webapp', '0003_access_log'),
    ]

    operations = [
        migrations.AddField(
            model_name='token',
            name='ends_with_password',
            field=models.BooleanField(default=False, verbose_name='End when the password changes'),
        ),
        migrations.AddField(
            model_name='token',
            name='expires_at',
            field=models.DateTimeField(default=webapp.models.token.default_expiry),
        ),
        migrations.AddField(
            model_name='token',
            name='scope',
            field=models.CharField(default='all', max_length=120),
        ),
    ]
