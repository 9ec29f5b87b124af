from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
SHOWN = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
from django.conf import settings
settings.DEBUG
print(os.environ.get("{new}"), "{old}" in os.environ)
"""
VALUES = {"BACKCOURT_VAR": "{folder}/elsewhere", "COMMIT": "abc123", "JUDGE_AFTER_JOBS": "false"}


def shown(old: str, folder: Path, **given: str) -> tuple[str, str]:
    new = settings.RENAMED_SETTINGS[old]
    cleared = {*settings.RENAMED_SETTINGS, *settings.RENAMED_SETTINGS.values()}
    environment = {k: v for k, v in os.environ.items() if k not in cleared}
    environment |= {"DATA_DIR": str(folder)} if new != "DATA_DIR" else {}
    run = subprocess.run(
        [sys.executable, "-c", SHOWN.format(new=new, old=old)],
        cwd=ROOT,
        env=environment | given,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.strip(), run.stderr.strip()


@pytest.mark.parametrize("old", settings.RENAMED_SETTINGS)
def test_an_old_name_is_read_with_one_warning_that_names_the_new_one(
    old: str, tmp_path: Path
) -> None:
    value = VALUES.get(old, "7").format(folder=tmp_path)
    out, warning = shown(old, tmp_path, **{old: value})
    assert out == f"{value} False"
    new = settings.RENAMED_SETTINGS[old]
    assert warning == f"setting {old} is now {new}; rename it before the next release"


def test_of_both_names_the_new_one_wins(tmp_path: Path) -> None:
    out, _ = shown("WORKERS", tmp_path, WORKERS="7", WORKER_PROCESSES="3")
    assert out == "3 False"


def test_a_value_that_begins_with_a_dollar_sign_is_literal(tmp_path: Path) -> None:
    secret = "$HOME$" + "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMN"
    code = SHOWN.replace("settings.DEBUG", "print(settings.SECRET_KEY)").format(new="", old="")
    given = {"SECRET_KEY": secret, "DATA_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines()[0] == secret
