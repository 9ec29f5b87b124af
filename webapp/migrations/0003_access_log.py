"""Add the access log and login delays; drop the tables of django-axes."""

import django.utils.timezone
from django.db import migrations, models


# In the order of their foreign keys. Without its record, an earlier release creates them again.
AXES = ("accessattemptexpiration", "accessattempt", "accesslog", "accessfailurelog")
DROP_AXES = [f"DROP TABLE IF EXISTS axes_{name}" for name in AXES]
DROP_AXES.append("DELETE FROM django_migrations WHERE app = 'axes'")


class Migration(migrations.Migration):

    dependencies = [
        ('webapp', '0002_admin_names'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccessEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('action', models.CharField(choices=[('login', 'Login'), ('login failed', 'Login Failed'), ('locked', 'Locked'), ('unlocked', 'Unlocked'), ('token used', 'Token Used'), ('token issued', 'Token Issued'), ('token renewed', 'Token Renewed'), ('token revoked', 'Token Revoked'), ('user created', 'User Created'), ('user changed', 'User Changed'), ('user deleted', 'User Deleted'), ('password changed', 'Password Changed')], max_length=20)),
                ('name', models.CharField(max_length=150)),
                ('actor', models.CharField(blank=True, max_length=150)),
                ('address', models.CharField(blank=True, max_length=64)),
                ('detail', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'verbose_name': 'access log entry',
                'verbose_name_plural': 'access log',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='LoginDelay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(blank=True, max_length=150)),
                ('source', models.CharField(max_length=64)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('failed_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('locked_until', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'failed logins',
                'verbose_name_plural': 'failed logins',
                'constraints': [models.UniqueConstraint(fields=('name', 'source'), name='one_delay_per_source')],
            },
        ),
        migrations.RunSQL(DROP_AXES, migrations.RunSQL.noop),
    ]
