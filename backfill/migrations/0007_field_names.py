"""Fields named by the glossary."""

from django.db import migrations

RENAMED = {
    "event": {"who": "actor", "why": "reason", "what": "action"},
    "job": {"who": "actor", "why": "reason", "parallel": "max_in_flight"},
    "launch": {"who": "actor", "said": "outcome_message"},
    "batch": {"why": "reason", "first": "first_date", "last": "last_date"},
    "run": {"why": "reason", "inputs": "input_signature"},
    "notice": {"told": "delivered_to"},
    "limits": {"changed_to": "max_parallel_override"},
}


class Migration(migrations.Migration):
    dependencies = [("backfill", "0006_warehouse_jobs")]

    operations = [
        migrations.RenameField(model, old, new) for model, names in RENAMED.items() for old, new in names.items()
    ]
