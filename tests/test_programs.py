"""Test programs: installed by the first test that needs them, or a message with the command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.programs import ROOT, ProgramMissing, ensure

APT = """[ "$1" = update ] && exit
printf '#!/bin/sh\\n' >"{folder}/chromium"
/bin/chmod +x "{folder}/chromium"
"""


def machine(folder: Path, user: int, apt: str) -> Path:
    """Make a folder for PATH: no browser, a user with this id, and this script as apt-get."""
    folder.mkdir()
    (folder / "bash").symlink_to(str(shutil.which("bash")))
    for name, script in (("id", f"echo {user}"), ("apt-get", apt)):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def find_chromium(folder: Path) -> CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.programs", "chromium"]
    return subprocess.run(
        command, cwd=ROOT, env={"PATH": str(folder)}, capture_output=True, text=True, check=False
    )


def test_root_gets_a_missing_program_installed_once(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    machine(folder, 0, APT.format(folder=folder))
    first, second = find_chromium(folder), find_chromium(folder)
    found = f"chromium: {folder}/chromium\n"
    assert (first.returncode, first.stdout, first.stderr) == (
        0,
        found,
        "installing Chromium for these tests\n",
    )
    assert (second.returncode, second.stdout, second.stderr) == (0, found, "")


def test_another_user_gets_the_command_that_installs_it(tmp_path: Path) -> None:
    done = find_chromium(machine(tmp_path / "bin", 1000, "exit 1"))
    sentence = "These tests need Chromium: run apt-get install chromium as root, or install Chromium in another way\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)


def test_a_failed_installation_shows_what_apt_get_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "PATH", str(machine(tmp_path / "bin", 0, "echo E: no space left >&2; exit 100"))
    )
    with pytest.raises(ProgramMissing, match="E: no space left"):
        ensure("chromium")
