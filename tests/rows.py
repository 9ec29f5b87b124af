"""Database rows as JSON, inserted model by model: loaddata saves them one at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.core import serializers
from django.core.management.color import no_style
from django.db import connection
from django.db.models import Model


def load_rows(json: str) -> None:
    """Insert the rows that `dumpdata` or `serialize` wrote; new rows get higher keys."""
    rows: dict[type[Model], list[Any]] = defaultdict(list)
    for row in serializers.deserialize("json", json):
        rows[type(row.object)].append(row.object)
    for model, objects in rows.items():
        model._base_manager.bulk_create(objects)
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), list(rows)):
            cursor.execute(sql)
