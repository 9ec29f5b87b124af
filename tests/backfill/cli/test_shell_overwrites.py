"""Confirmation of overwriting in the shell: --overwrites, or the number typed in a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.timezone import now

from backfill.jobs.launches import launch_backfill
from backfill.models import Job, Launch
from tests.backfill.shell import Answer, Shell
from tests.postgres import database_url
from tests.seasons.tiny import FIRST, SECOND, make_options

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.shell,
    pytest.mark.usefixtures("season"),
]
RANGE = ("--start", FIRST, "--end", SECOND, "--processors", "PSZA")
AGAIN = "2 complete runs will be overwritten; add --overwrites 2 to confirm\n"


def test_a_script_starts_with_the_right_number_or_none(shell: Shell) -> None:
    assert shell.backfill(*RANGE).code == 0
    dry = shell("backfill", *RANGE, "--force", "--dry-run").out
    assert "overwrites 2 complete runs; start it with --overwrites 2" in dry
    later = ("--at", f"{now() + timedelta(days=1):%Y-%m-%d %H:%M}")
    for more in ((), later, ("--inline", "--json")):
        wrong = shell("backfill", *RANGE, "--force", *more, "--overwrites", 3)
        assert wrong == Answer(2, "", AGAIN)
    assert (Job.objects.count(), Launch.objects.count()) == (1, 0)
    for number in (("--overwrites", 2), ("--overwrites", "any"), ()):
        assert shell.backfill(*RANGE, "--force", *number).code == 0
    assert shell.backfill(*RANGE, "--overwrites", "all").err == (
        "--overwrites: 'all' is not a number of runs; write a number, or `any`\n"
    )
    assert "--overwrites" not in shell("backfill", *RANGE, "--dry-run").out


def test_an_approval_is_refused_with_another_number(shell: Shell) -> None:
    assert shell.backfill(*RANGE).code == 0
    options = make_options(end=SECOND, processors=("PSZA",), force=True)
    kept = launch_backfill(options, "ann", limit=0)
    assert isinstance(kept, Launch)
    approve = ("launches", "--approve", kept.pk, "--as", "bob", "--overwrites")
    assert shell(*approve, 3) == Answer(2, "", AGAIN)
    kept.refresh_from_db()
    assert (kept.state, kept.approved_by) == ("waiting", "")
    assert shell(*approve, 2).code == 0


@pytest.mark.parametrize(("typed", "code", "jobs"), [("2", 0, 2), ("3", 2, 1)])
def test_a_terminal_asks_for_the_number(shell: Shell, typed: str, code: int, jobs: int) -> None:
    assert shell.backfill(*RANGE).code == 0
    words = ["backfill", *map(str, RANGE), "--force", "--inline"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *words],
        env={**os.environ, "DATABASE_URL": database_url(), "WAREHOUSE_URL": settings.WAREHOUSE_URL},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(ours, f"{typed}\n".encode())
        out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert "2 complete runs will be overwritten. Type 2 to confirm: " in out
    assert (process.returncode, Job.objects.count()) == (code, jobs), err
