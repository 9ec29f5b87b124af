"""Whole season as the README's command runs it, checked against the specification on every date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from backfill.audit import content_checks, load
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.warehouse.parquet.session import ParquetWarehouse
from backfill.warehouse.port import Row
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS, SCHED
from tests.backfill.judged import assert_explained
from tests.oracle import ORDER, Outcome, Tables, run_chain
from tests.oracle.compare import differences
from tests.oracle.expected import expected_statuses, statuses
from tests.oracle.invariants import check_date
from tests.oracle.sources import Facts
from tests.system.conftest import loaded
from validation.season import Calendar, DateType, Day, Game

# Each test process backfills a season first.
pytestmark = [pytest.mark.system, pytest.mark.xdist_group("whole season")]

EVERY = 24  # every 24th date is compared with the oracle value by value
OFTEN = 3  # every 3rd date is compared by failures; the product's expectation covers all dates
OWN = ("created_at", "processed_at")


@dataclass(frozen=True)
class Season:
    """Backfilled season: the command's summary and its warehouse."""

    summary: Mapping[str, object]
    warehouse: ParquetWarehouse
    days: tuple[Day, ...]

    @cached_property
    def inputs(self) -> Tables:
        return {t.short: self.warehouse.query(f"SELECT * FROM {t}") for t in INPUTS}

    @cached_property
    def computed(self) -> list[Day]:
        return [d for d in self.days if d.type is not DateType.BOOTSTRAP]

    @cached_property
    def start(self) -> date:
        first = self.days[0]
        assert first.index == 0
        return first.day

    @cached_property
    def outcomes(self) -> dict[date, dict[str, Outcome]]:
        found = {day.day: {code: Outcome() for code in ORDER} for day in self.days}
        for code, processor in PROCESSORS.items():
            for row in self.warehouse.query(f"SELECT * FROM {processor.output}"):
                rows = found[row[processor.output.partition]][code].rows
                assert row[processor.output.entity] not in rows
                rows[row[processor.output.entity]] = _stored(row)
        for row in self.warehouse.query(f"SELECT * FROM {FAILURES}"):
            failures = found[row["analysis_date"]][BY_NAME[row["processor_name"]].code].failures
            assert row["entity_id"] not in failures
            failures[row["entity_id"]] = (
                row["failure_category"],
                row["failure_reason"],
                row["can_retry"],
            )
        return found


def _stored(row: Row) -> Row:
    columns = {n: v for n, v in row.items() if n not in OWN}
    return {
        n: json.loads(v, parse_float=Decimal) if n.endswith("_json") else v
        for n, v in columns.items()
    }


@pytest.fixture(scope="module")
def season(season_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Season:
    installation = loaded(tmp_path_factory.mktemp("whole") / "var", season_folder)
    warehouse = ParquetWarehouse(installation.warehouse)
    games = warehouse.query(
        f"SELECT game_date, season_year, game_status AS status, season_type FROM {SCHED}"
    )
    days = Calendar(Game(**game) for game in games).season(games[0]["season_year"])
    first, last = str(days[0].day), str(days[-1].day)
    done = installation.verb("backfill", "--start", first, "--end", last, "--inline", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return Season(json.loads(done.stdout), warehouse, tuple(days))


def test_every_date_of_the_season_is_complete_or_skipped_as_bootstrap(season: Season) -> None:
    runs = season.warehouse.query(f"SELECT processor_name, data_date, status, error FROM {HISTORY}")
    bootstrap = [d for d in season.days if d.type is DateType.BOOTSTRAP]
    expected = {
        (p.name, d.day, "success", None) for p in PROCESSORS.values() for d in season.computed
    }
    expected |= {
        (p.name, d.day, "skipped", d.why_skipped) for p in PROCESSORS.values() for d in bootstrap
    }
    assert len(runs) == len(expected)
    assert {
        (r["processor_name"], r["data_date"], r["status"], r["error"]) for r in runs
    } == expected


def test_rows_and_failures_add_up_to_what_run_history_says(season: Season) -> None:
    runs = season.warehouse.query(
        f"SELECT processor_name, data_date, records_created, records_failed FROM {HISTORY}"
    )
    for run in runs:
        outcome = season.outcomes[run["data_date"]][BY_NAME[run["processor_name"]].code]
        assert (len(outcome.rows), len(outcome.failures)) == (
            run["records_created"],
            run["records_failed"],
        )


def test_every_row_of_the_season_keeps_the_promises_of_its_table(season: Season) -> None:
    for day in season.computed:
        check_date(season.outcomes[day.day])


def test_exactly_the_expected_entities_fail(season: Season) -> None:
    facts = Facts(season.inputs, season.start, True)
    for day in season.computed[::OFTEN]:
        found = {code: statuses(outcome) for code, outcome in season.outcomes[day.day].items()}
        assert found == expected_statuses(facts, day.day), day.day


def test_the_product_explains_every_failure_and_misses_nobody(
    season: Season, settings: Any
) -> None:
    settings.WAREHOUSE_URL = f"parquet:{season.warehouse.root}"
    counts = assert_explained(season.start, [d.day for d in season.computed])
    told = season.warehouse.query(
        f"SELECT processor_name, data_date, records_created, records_failed FROM {HISTORY}"
    )
    recorded = {
        (BY_NAME[r["processor_name"]].code, r["data_date"]): (
            r["records_created"],
            r["records_failed"],
        )
        for r in told
    }
    assert counts == {key: recorded[key] for key in counts}
    bootstrap = {d.day for d in season.days} - {d.day for d in season.computed}
    assert counts.keys() == {(code, day) for code, day in recorded if day not in bootstrap}
    load.stage(bootstrap)
    assert load.written(bootstrap) == {
        (code, day): load.Written() for code in ORDER for day in bootstrap
    }


def test_the_product_finds_nothing_wrong_with_the_content(season: Season, settings: Any) -> None:
    settings.WAREHOUSE_URL = f"parquet:{season.warehouse.root}"
    dates = [d.day for d in season.computed]
    load.stage(dates)
    assert content_checks.violations(season.start) == []
    shares = content_checks.output_shares(season.start)
    assert content_checks.jumps(season.start, dates, shares) == []


def test_some_dates_are_equal_to_the_oracle_in_every_value(season: Season) -> None:
    dates = [d.day for d in season.computed[::EVERY]]
    expected = run_chain(season.inputs, dates, season_start=season.start)
    for code in ORDER:
        found = {day: season.outcomes[day][code] for day in dates}
        lines = differences(code, _without_times(expected[code]), _without_times(found))
        assert not lines, "\n".join(lines[:20])


def _without_times(outcomes: dict[date, Outcome]) -> dict[date, Outcome]:
    """Drop the times of upstream rows, which the oracle cannot know."""
    return {
        day: Outcome(
            {
                e: {n: v for n, v in r.items() if not n.endswith("_last_updated")}
                for e, r in o.rows.items()
            },
            o.failures,
        )
        for day, o in outcomes.items()
    }
