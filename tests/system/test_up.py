"""The first command of the README, as a new user runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.system.installation import ROOT, environment

pytestmark = pytest.mark.system


def up(var: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "bin" / "up")], env=environment(BACKCOURT_VAR=str(var)), capture_output=True, text=True, check=False
    )


def test_up_makes_a_season_and_backfills_a_month_and_a_second_time_finds_all_complete(tmp_path: Path) -> None:
    first, second = up(tmp_path), up(tmp_path)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "season 2021: 1,230 games" in first.stdout
    assert "job 1 succeeded in " in first.stdout
    assert "2021-11-01 to 2021-11-30: everything is complete already" in second.stdout
    assert "making up" not in second.stderr
