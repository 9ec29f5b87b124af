"""Jobs in which TDZA broke on two dates: run once, partitions and rows copied for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core import serializers
from django.db import transaction
from django.test import override_settings

from backfill.execution.inline import run_inline
from backfill.jobs.start import start_job
from backfill.models import Batch, Event, Job, Limits, Run
from backfill.plan.options import Options
from tests.once import copy_warehouse
from tests.rows import load_rows
from tests.seasons.tiny import SECOND, THIRD, break_on

MODELS = (Limits, Job, Batch, Run, Event)


class Broken:
    """Jobs by their options, each run on first use."""

    def __init__(self, loaded_season: Path, folder: Path) -> None:
        self.loaded_season, self.folder = loaded_season, folder
        self.made: dict[Options, tuple[Path, str]] = {}

    def job(self, options: Options, to: Path) -> Job:
        """Load the job with these options into the database, its output into the warehouse `to`."""
        warehouse, rows = self._made(options)
        copy_warehouse(warehouse, to)
        load_rows(rows)
        return Job.objects.get()

    def written(self, options: Options) -> Path:
        """Return the warehouse that the job with these options wrote.

        All tests share it: read it, and write to a copy.
        """
        return self._made(options)[0]

    def _made(self, options: Options) -> tuple[Path, str]:
        if options not in self.made:
            self.made[options] = self._run(options)
        return self.made[options]

    def spoil(self, patch: pytest.MonkeyPatch) -> None:
        """Patch the statements that break in the jobs."""
        break_on(patch, "TDZA", SECOND, THIRD)

    def _run(self, options: Options) -> tuple[Path, str]:
        """Run the job in a separate warehouse and move its rows out of the database."""
        warehouse = self.folder / str(len(self.made))
        copy_warehouse(self.loaded_season, warehouse)
        with (
            override_settings(WAREHOUSE_URL=f"parquet:{warehouse}"),
            pytest.MonkeyPatch.context() as patch,
            transaction.atomic(),
        ):
            self.spoil(patch)
            job = start_job(options, "ann", inline=True)
            assert job
            run_inline(job, "ann")
            rows = serializers.serialize(
                "json", [row for model in MODELS for row in model._default_manager.order_by("pk")]
            )
            transaction.set_rollback(True)
        return warehouse, rows
