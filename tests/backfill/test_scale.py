"""Request counts in docs/scale.md: measured at the port for a small job, and in its table for a
season.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backfill.plan.options import Options
from backfill.plan.planning import plan
from backfill.season_calendar import load_calendar
from backfill.warehouse.parquet.session import ParquetWarehouse
from bench import scale
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import BOOTSTRAP, make_options
from validation.season import dates_between

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scale.md").read_text()


def test_the_table_of_jobs_and_bytes_is_what_the_plans_come_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = []
    for versions in ("first", "overwrite", "none"):
        scale.print_jobs(4, versions)
        table = capsys.readouterr().out.partition("\n\n")[0]
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
        rows.append([[*row[:4], *row[5:]] for row in cells[2:]])  # without the SELECTs
    for first, overwrite, none in zip(*rows, strict=True):
        assert f"| {' | '.join([*first, *overwrite[3:], *none[3:]])} |\n" in PAGE


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 3])
def test_a_job_with_bootstrap_dates_sends_the_statements_that_are_counted(
    size: int, season: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: Counter[str] = Counter()

    def counting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def counted(self: ParquetWarehouse, *given: Any, **named: Any) -> Any:
            sent[name] += 1
            return method(self, *given, **named)

        return counted

    for name in ("stage", "replace", "record"):
        monkeypatch.setattr(ParquetWarehouse, name, counting(name, getattr(ParquetWarehouse, name)))
    options: Options = make_options(BOOTSTRAP[-2], batch_size=size)
    days = [load_calendar().day(day) for day in dates_between(options.start, options.end)]
    made = plan(options, days, set())
    run_all(make_job(start=BOOTSTRAP[-2], batch_size=size))
    found = [s for batch in scale.batches(made, "none") for step in batch.values() for s in step]
    history = str(scale.HISTORY)
    assert sent == {
        "stage": sum(not s.changes for s in found),
        "replace": sum(s.changes not in ("", history) for s in found),
        "record": sum(s.changes == history for s in found),
    }


def test_many_workers_wait_for_the_tables_that_all_steps_write() -> None:
    made = scale.planned(1, 7)
    minutes = {n: scale.World(made, n, n, 1, "none").run() for n in (1, 4, 32, 64)}
    assert minutes[4] < minutes[1] / 2
    assert minutes[64] > minutes[32] * 0.9
