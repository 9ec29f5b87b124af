"""An audit reads only the dates that changed since the one before, and finds the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backfill.audit import load, results
from backfill.audit.marking import run_audit
from backfill.ingest.load import load as load_phase3
from backfill.models import AuditResult, Finding
from backfill.warehouse.tables import INPUTS
from tests.factories import phase3_folder, rewrite
from tests.seasons.tiny import FIRST, PROCESSING, SECOND, THIRD, cut, make_options, part, put
from tests.seasons.whole import EVERYBODY, Whole, whole_rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def whole(whole_jobs: Whole, own_warehouse: Path, tmp_path: Path, settings: Any) -> Path:
    """Return a warehouse with every processor run, and an empty DATA_DIR."""
    settings.VAR = tmp_path / "data"
    whole_jobs.job(make_options(batch_size=4), own_warehouse)
    return own_warehouse


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """The dates that audits have read."""
    found: list[date] = []
    stage = load.stage

    def noted(dates: Any) -> set[Any]:
        found.extend(dates)
        return stage(dates)

    monkeypatch.setattr(load, "stage", noted)
    return found


def audited(read: list[date]) -> list[date]:
    """Audit the season; return the dates that were read."""
    read.clear()
    run_audit()
    return list(read)


def stored() -> tuple[list[Any], list[Any]]:
    """Return the open findings and the audit results."""
    findings = Finding.objects.exclude(state="closed").order_by("kind", "subject")
    return (
        list(findings.values_list("kind", "subject", "dates", "sentence", "evidence")),
        list(AuditResult.objects.order_by("date", "processor").values_list(*FIELDS)),
    )


FIELDS = (
    *("processor", "date", "population", "expected", "run_id", "explained", "unexplained"),
    *("lost", "unaccounted", "changed"),
)


def test_the_second_audit_reads_nothing(whole: Path, read: list[date]) -> None:
    assert audited(read) == list(PROCESSING)
    first = stored()
    assert (audited(read), stored()) == ([], first)


CHANGES: dict[str, Callable[[Path], object]] = {
    "an output is lost": lambda root: part(root, "PSZA", SECOND).unlink(),
    "an output is doubled": lambda root: rewrite(
        part(root, "TDZA", SECOND), "SELECT * FROM t UNION ALL SELECT * FROM t"
    ),
    "rows are lost": lambda root: rewrite(
        part(root, "ML", SECOND), "SELECT * FROM t WHERE player_lookup NOT LIKE '%1'"
    ),
    "a number is wrong": lambda root: rewrite(
        part(root, "PCF", SECOND), "SELECT * REPLACE (fatigue_score - 1 AS fatigue_score) FROM t"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_date_is_read_again_and_the_findings_are_those_of_a_first_audit(
    whole: Path, read: list[date], change: str, settings: Any
) -> None:
    run_audit()
    CHANGES[change](whole)
    assert audited(read) == [SECOND]
    again = stored()
    assert again[0]
    shutil.rmtree(settings.VAR)
    assert (audited(read), stored()) == (list(PROCESSING), again)


def test_a_changed_slice_of_the_failures_is_a_changed_date(whole: Path, read: list[date]) -> None:
    run_audit()
    (file,) = whole.glob(f"*/precompute_failures/analysis_date={FIRST}/*TeamDefense*/part.parquet")
    put(file, file.read_bytes())
    assert audited(read) == [FIRST]


def test_a_damaged_file_is_read_until_it_is_whole(whole: Path, read: list[date]) -> None:
    run_audit()
    cut(part(whole, "PDC", THIRD))
    assert [audited(read), audited(read)] == [[THIRD], [THIRD]]
    assert stored()[0]


def test_a_load_during_an_audit_keeps_nothing_for_the_new_inputs(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    tables = {table.short.lower(): whole_rows(table) for table in INPUTS}
    tables["pgs"] = [row for row in tables["pgs"] if row["player_lookup"] != EVERYBODY[0]]
    folder, compare, loads = phase3_folder(tmp_path / "new", **tables), results.compare_run, [1]

    def with_load(*args: Any) -> Any:
        if loads:
            loads.pop()
            load_phase3(folder)
        return compare(*args)

    monkeypatch.setattr(results, "compare_run", with_load)
    run_audit()
    found = stored()
    shutil.rmtree(settings.VAR)
    run_audit()
    assert stored() == found


def test_a_loaded_season_is_read_as_a_whole(whole: Path, read: list[date], tmp_path: Path) -> None:
    run_audit()
    tables = {table.short.lower(): whole_rows(table) for table in INPUTS}
    load_phase3(phase3_folder(tmp_path / "new", **tables))
    assert audited(read) == list(PROCESSING)
    assert audited(read) == []
