"""Tiny season with five players a side, one of them hurt and short of games on the first dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.test import override_settings

from backfill.audit.marking import run_audit
from backfill.ingest.load import load
from backfill.models import AuditResult
from backfill.warehouse.port import Row
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import INPUTS, PGS
from tests.backfill.broken import Broken
from tests.factories import phase3_folder
from tests.seasons.tiny import BOOTSTRAP, NIGHTS, make_options
from tests.seasons.whole import EVERYBODY, Whole, whole_rows

HURT = EVERYBODY[0]
ALL = make_options(start=BOOTSTRAP[0], batch_size=18)
BACK = NIGHTS[6]  # eight games before the first processing date, the tenth on the second


class Hurt(Whole):
    """Jobs of the hurt season; no statement breaks."""

    def __init__(self, folder: Path) -> None:
        warehouse = folder / "loaded"
        with override_settings(WAREHOUSE_URL=f"parquet:{warehouse}"):
            load(
                phase3_folder(
                    folder / "phase3", **{table.short.lower(): hurt_rows(table) for table in INPUTS}
                )
            )
        Broken.__init__(self, warehouse, folder)
        self.verdicts: list[dict[str, Any]] = []

    def judged(self, to: Path) -> None:
        """Copy a job that ran the whole season, with its audit; audited once to save time."""
        self.job(ALL, to)
        if self.verdicts:
            AuditResult.objects.bulk_create(AuditResult(**verdict) for verdict in self.verdicts)
        else:
            run_audit()
            self.verdicts = list(AuditResult.objects.values())


def hurt_rows(table: Table) -> list[Row]:
    """Return the season's rows; the hurt player did not play on the first nights."""
    rows = whole_rows(table)
    if table is not PGS:
        return rows
    return [
        row
        | ({"is_active": False} if row["player_lookup"] == HURT and row["game_date"] < BACK else {})
        for row in rows
    ]
