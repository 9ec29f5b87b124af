"""Name models for the admin site."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("webapp", "0001_users"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="token",
            options={"verbose_name": "token", "verbose_name_plural": "tokens"},
        ),
    ]
