"""End-to-end story: a season with every planted fault, from the first run until triage is empty."""

from __future__ import annotations

import shlex
from datetime import date, timedelta
from pathlib import Path

import pytest

from backfill.audit.marking import listed, run_audit
from backfill.models import Finding
from backfill.simulation import Fault, FaultySeason, SimulatedSeason, plant_faults, write
from backfill.simulation.dates import opening_night
from backfill.simulation.faults import FaultKind
from backfill.warehouse import warehouse
from backfill.warehouse.tables import INPUTS, OUTPUTS
from tests.backfill.shell import Answer, Shell
from tests.seasons.simulated import first_days
from validation.findings import kinds

pytestmark = [pytest.mark.specification, pytest.mark.django_db(transaction=True)]

# Long enough for every fault to be found and fixed.
DAYS = 61
START = opening_night(2021)
# In two batches: a step costs much the same for any number of dates.
RANGE = ("--start", str(START), "--end", str(START + timedelta(days=DAYS)), "--batch-size", "31")

# Each planted fault, the kind of Finding expected for it, and its dates.
FOUND_AS = {
    FaultKind.DUPLICATE_ROWS: kinds.DUPLICATE_INPUT,
    FaultKind.MAKES_ABOVE_ATTEMPTS: kinds.IMPOSSIBLE_VALUE,
    FaultKind.HALF_THE_PLAYERS: kinds.LOW_COVERAGE,
    FaultKind.NO_ROWS: kinds.PHASE3_MISSING,
    FaultKind.NULL_ZONE: kinds.COLUMN_JUMP,
    FaultKind.LATE_FILE: kinds.PHASE3_MISSING,
}


@pytest.fixture(scope="module")
def clean() -> SimulatedSeason:
    return first_days()


@pytest.fixture(scope="module")
def faulty(clean: SimulatedSeason) -> FaultySeason:
    return plant_faults(clean)


def load(shell: Shell, season: SimulatedSeason, folder: Path) -> None:
    write(season, folder)
    assert shell("load_phase3", folder).code == 0


def told(severity: kinds.Severity = kinds.Severity.WARNING) -> list[Finding]:
    """Audit again and return the open Findings of at least this severity."""
    run_audit()
    return [f for f in listed() if f.severity >= severity]


def fault(faulty: FaultySeason, kind: FaultKind) -> Fault:
    return next(f for f in faulty.faults if f.kind == kind)


def carry_out(shell: Shell, finding: Finding) -> Answer:
    """Run the command that a Finding proposes, unchanged, in this process."""
    assert finding.action
    verb, *words = shlex.split(finding.action["command"].removeprefix("manage.py "))
    return shell(verb, *words, "--inline", "--overwrites", "any")


def hashes() -> dict[str, list[tuple[object, ...]]]:
    """Return the contents of every output row except its timestamps."""
    return {
        t.short: [
            tuple(row.values())
            for row in warehouse().query(
                f"SELECT {t.partition} AS d, {t.entity} AS e, data_hash FROM {t} ORDER BY d, e"
            )
        ]
        for t in OUTPUTS
    }


def test_each_fault_is_found_once_under_its_kind_and_the_list_is_empty_when_all_is_mended(
    shell: Shell, clean: SimulatedSeason, faulty: FaultySeason, tmp_path: Path
) -> None:
    load(shell, faulty.season, tmp_path / "faulty")
    shell(
        "backfill",
        *RANGE,
        "--inline",
        "--no-brake",
        "--no-canary",
        "--skip-preflight",
        "--reason",
        "to see it",
    )

    found = told()
    assert sorted(f.kind for f in found) == sorted(kind.name for kind in FOUND_AS.values()), (
        "\n".join(f.sentence for f in found)
    )
    for planted in faulty.faults:
        check_found(planted, found)

    load(shell, faulty.late, tmp_path / "late")
    late = fault(faulty, FaultKind.LATE_FILE)
    found = told()
    (cascade,) = (f for f in found if f.kind == kinds.FORWARD_CASCADE.name)
    # The missing date is back, and the runs made without it are stale.
    assert len(found) == len(FOUND_AS)
    assert not any(
        str(late.dates[0]) in f.dates for f in found if f.kind == kinds.PHASE3_MISSING.name
    )
    assert (cascade.first, cascade.processors) == (
        late.dates[0] + timedelta(days=1),
        ["PSZA", "PDC", "ML"],
    )
    assert carry_out(shell, cascade).code == 0
    assert sorted(f.kind for f in told()) == sorted(f.kind for f in found if f != cascade)

    load(shell, clean, tmp_path / "clean")
    found = told()
    assert kinds.FORWARD_CASCADE.name in {f.kind for f in found}
    for finding in found:
        carry_out(shell, finding)
    assert told() == []
    assert {f.state for f in Finding.objects.filter(severity__gt=0)} == {Finding.State.CLOSED}

    mended = hashes()
    assert shell("backfill", *RANGE, "--inline", "--force", "--overwrites", "any").code == 0
    assert hashes() == mended


def check_found(planted: Fault, found: list[Finding]) -> None:
    """Assert that one Finding covers a fault: its kind, its dates, and a text that names the
    defect.
    """
    kind = FOUND_AS[planted.kind]
    dates = [str(day) for day in planted.dates]
    (finding,) = (
        f
        for f in found
        if f.kind == kind.name and (kind is kinds.IMPOSSIBLE_VALUE or f.dates == dates)
    )
    if kind is kinds.IMPOSSIBLE_VALUE:  # its dates are those of the failures it causes
        assert date.fromisoformat(finding.dates[0]) > planted.dates[0]
        assert finding.processors == ["PSZA", "PDC", "ML"]
    words = [*planted.columns, *filter(None, [planted.game_id])]
    if kind in (kinds.LOW_COVERAGE, kinds.DUPLICATE_INPUT):
        words += [str(table) for table in INPUTS if table.short in planted.tables]
    assert [word for word in words if word not in finding.sentence + str(finding.numbers)] == []
    assert finding.cause
    assert finding.query
    assert warehouse().query(finding.query)
