"""Expensive test data, made once although the tests run in several processes."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder of this name, which the first process fills with `make`.

    Copy it before changes.
    """
    base = factory.getbasetemp()
    return make_once(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base, name, make)


def copy_warehouse(source: Path, to: Path) -> Path:
    """Copy a warehouse with its Phase 3 files as links, so that all copies share what a process has
    read of a season. Replace a linked file; do not write into it.
    """
    return shutil.copytree(source, to, dirs_exist_ok=True, copy_function=_link_or_copy)


def _link_or_copy(source: str, to: str) -> str:
    if "/phase3/" in source and source.endswith(".parquet"):
        with suppress(FileExistsError):  # a copy over another one of the same load
            os.link(source, to)
        return to
    return shutil.copy2(source, to)


def make_once(place: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder of this name in `place`, made by the first process.

    An interrupted process leaves no folder.
    """
    folder, unfinished = place / name, place / f"{name}.unfinished"
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder
