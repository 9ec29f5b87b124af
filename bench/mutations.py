"""Mutation check: the test suite catches each of the seeded faults in mutations.toml.

    .venv/bin/python bench/mutations.py [--list] [--only N ...]

The selected tests pass first without a fault. Then each fault is written into a copy of the
checkout, and its tests run until one fails. Exit code 1 if a fault survives.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IGNORED = (
    ".git",
    ".venv*",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    "__pycache__",
    "collected",
    "var",
)
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider")
PASSED, FAILED = 0, 1  # exit codes of pytest
MOST_SECONDS = 900
FIRST_FAILURE = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Replacement of a text that occurs once in a file, and the tests that catch it."""

    title: str
    file: str
    old: str
    new: str
    tests: list[str]

    def apply(self, text: str) -> str:
        """Return the text with the fault. Exits if its old text does not occur exactly once."""
        if (n := text.count(self.old)) != 1:
            raise SystemExit(f"{self.title}: the old text occurs {n} times in {self.file}")
        return text.replace(self.old, self.new)


def copy_checkout(to: Path) -> Path:
    """Copy the checkout, with the data of the folder next to it."""
    copy = to / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*IGNORED))
    if (shared := ROOT.parent / "shared").exists():
        (to / "shared").symlink_to(shared.resolve())
    return copy


def first_failure(checkout: Path, tests: list[str]) -> str:
    """Run tests until one fails and return its id; empty if all pass."""
    try:
        done = subprocess.run(
            [*PYTEST, *tests],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
            timeout=MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {MOST_SECONDS} s"
    if done.returncode == PASSED:
        return ""
    found = FIRST_FAILURE.search(done.stdout)
    if done.returncode != FAILED or not found:
        raise SystemExit(f"pytest did not run {' '.join(tests)}:\n{done.stdout}{done.stderr}")
    return found[1]


def caught_by(checkout: Path, fault: Fault) -> str:
    """Return the first test that fails with the fault; empty if it survives."""
    file = checkout / fault.file
    text = file.read_text(encoding="utf-8")
    file.write_text(fault.apply(text), encoding="utf-8")
    try:
        return first_failure(checkout, fault.tests)
    finally:
        file.write_text(text, encoding="utf-8")


def check(faults: dict[int, Fault]) -> int:
    """Print a line per fault; return the number of survivors."""
    for fault in faults.values():
        fault.apply((ROOT / fault.file).read_text(encoding="utf-8"))
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        checkout = copy_checkout(Path(folder))
        tests = sorted({test for fault in faults.values() for test in fault.tests})
        began = time.perf_counter()
        if failed := first_failure(checkout, tests):
            raise SystemExit(f"{failed} fails without a fault")
        print(f"   no fault: all tests pass {time.perf_counter() - began:44.0f} s", flush=True)
        for number, fault in faults.items():
            began = time.perf_counter()
            caught = caught_by(checkout, fault)
            survivors += not caught
            seconds = time.perf_counter() - began
            print(
                f"{number:2} {fault.title:60} {seconds:5.0f} s  {caught or 'SURVIVED'}", flush=True
            )
    print(f"{len(faults) - survivors} of {len(faults)} faults caught")
    return survivors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="print the faults")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="numbers of the faults")
    given = parser.parse_args()
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    chosen = {
        n: Fault(**row)
        for n, row in enumerate(table["fault"], 1)
        if not given.only or n in given.only
    }
    if given.list:
        for number, fault in chosen.items():
            print(f"{number:2} {fault.title:60} {fault.file}")
        sys.exit()
    sys.exit(check(chosen) > 0)
