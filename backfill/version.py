"""Version of the code: package version, and commit if available."""

from __future__ import annotations

import subprocess
from functools import cache

from django.conf import settings

VERSION = "0.1.0"


@cache
def code_version() -> str:
    """Return version and short commit, as stored with each job."""
    if settings.GIT_COMMIT:
        return f"{VERSION}+{settings.GIT_COMMIT}"
    command = ["git", "-C", str(settings.BASE_DIR), "describe", "--always", "--dirty"]
    try:
        commit = subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):  # an installed copy has no Git history
        return VERSION
    return f"{VERSION}+{commit}"
