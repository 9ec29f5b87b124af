"""Rename the audit's models."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("backfill", "0010_remove_launch_approved_at")]

    operations = [
        migrations.RenameModel("Verdict", "AuditResult"),
        migrations.RenameModel("Judged", "SeasonAudit"),
        migrations.RenameIndex(
            model_name="auditresult",
            old_name="backfill_ve_season_8cdfad_idx",
            new_name="backfill_au_season_62f294_idx",
        ),
    ]
