"""Programs that some tests need: databases, browser, Prometheus, emulator, container engine.

The first test that needs a program looks for it and, if it is missing, installs it with its script
in bin/. `python -m tests.programs [NAME …]` installs the named ones, or those of bin/test.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EMULATOR = ROOT / ".venv-emulator"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Shared by the processes of pytest-xdist: one installs, the others wait.
LOCK = ROOT / ".pytest_cache" / "programs.lock"


# Programs of the default run; `bin/test --containers` needs the other one.
DEFAULT = ("postgres", "chromium", "emulator")

FindProgram = Callable[[str], Path]  # the fixture `program`


class ProgramMissing(Exception):
    """Program that is missing and cannot be installed here; the message names the command."""


def postgres_versions() -> list[Path]:
    """Return the folders of PostgreSQL's programs: on the PATH, or in Debian's location, oldest
    first.
    """
    if on_path := shutil.which("initdb"):
        return [Path(on_path).parent]
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return [found.parent for found in sorted(versions, key=lambda p: int(p.parts[-3]))]


def postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs, of the oldest version here."""
    return next(iter(postgres_versions()), None)


def pgbouncer() -> Path | None:
    """Return PgBouncer's path; Debian's location is not on every PATH."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    return Path(found) if found else None


def chromium() -> Path | None:
    """Return the browser's path."""
    return next((Path(path) for name in CHROMIUM if (path := shutil.which(name))), None)


def prometheus() -> Path | None:
    """Return the folder of prometheus and promtool."""
    return Path(found).parent if (found := shutil.which("promtool")) else None


def emulator() -> Path | None:
    """Return the emulator's Python if its packages match requirements-emulator.txt."""
    asked = subprocess.run(
        ["bash", "-c", _script("emulator", "has_emulator")], cwd=ROOT, check=False
    )
    return EMULATOR / "bin" / "python" if asked.returncode == 0 else None


def containers() -> Path | None:
    """Return podman's path if Compose and the base images are there too."""
    asked = subprocess.run(
        ["bash", "-c", _script("containers", "has_containers")], cwd=ROOT, check=False
    )
    return Path(shutil.which("podman") or "") if asked.returncode == 0 else None


FINDERS: dict[str, Callable[[], Path | None]] = {
    "postgres": postgres,
    "pgbouncer": pgbouncer,
    "chromium": chromium,
    "prometheus": prometheus,
    "emulator": emulator,
    "containers": containers,
}


def ensure(
    name: str, uncaptured: Callable[[], AbstractContextManager[object]] = nullcontext
) -> Path:
    """Return the path of a program, after installing it if it is missing.

    Raises ProgramMissing if it cannot be installed. `uncaptured` makes a context in which stderr is
    the terminal, so that the progress line is visible.
    """
    find = FINDERS[name]
    if path := find():
        return path
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path := find():
            return path
        with uncaptured():
            _install(name)
    path = find()
    assert path, f"bin/_{name} installed nothing that is found"
    return path


def _install(name: str) -> None:
    command = ["bash", "-c", _script(name, f"ensure_{name}")]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        lines = []
        for line in process.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            lines.append(line)
    if process.returncode:
        raise ProgramMissing("".join(lines).strip())


def _script(name: str, function: str) -> str:
    return f"set -euo pipefail; . bin/_venv; . bin/_{name}; {function}"


def main(names: Sequence[str]) -> int:
    """Install these programs; return 2 if one is missing and cannot be installed."""
    try:
        for name in names:
            print(f"{name}: {ensure(name)}", flush=True)
    except ProgramMissing:
        return 2  # its message is printed already
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or DEFAULT))
