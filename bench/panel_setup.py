"""Shared helpers of the panel benchmarks: seasons, commands, a signed-in client."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIRST_YEAR = 2012
FORCED = ("--force", "--no-canary", "--no-brake", "--skip-preflight", "--reason", "bench", "--json")


def manage(var: Path, *words: str, check: bool = True) -> str:
    environment = {**os.environ, "DATA_DIR": str(var)}
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment,
        check=check,
        capture_output=True,
        text=True,
    )
    return done.stdout


def season_of(year: int) -> tuple[str, ...]:
    return "--start", f"{year}-10-01", "--end", f"{year + 1}-06-30"


def p95(found: list[float]) -> float:
    return sorted(found)[min(len(found) - 1, round(0.95 * len(found)))]


def client(name: str = "bench") -> Any:
    from django.test import Client

    from webapp.models import Role, User

    user, _ = User.objects.get_or_create(
        username=name, defaults={"role": Role.ADMIN, "password": "!"}
    )
    made = Client(SERVER_NAME="localhost", headers={"accept-encoding": "gzip"})
    made.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return made
