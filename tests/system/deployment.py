"""docker-compose.yml and the Dockerfile, read and carried out without a container engine.

The image is a folder with what the Dockerfile copies; a service is its command, started in there
with its environment.
What containers find by their names (hosts, ports, volumes) lies elsewhere on one machine: that is
all that differs.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess, Popen
from typing import Any

import yaml

from backfill.processes.supervisor import redis_program
from tests.programs import ensure
from tests.system.installation import DEADLINE_SECONDS, ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
STOP_SECONDS = 60


@cache
def path() -> str:
    """PATH with the programs that the images have on theirs."""
    folders = (
        Path(sys.executable).parent,
        Path(redis_program()).parent,
        ensure("postgres"),
        "/usr/bin",
        "/bin",
    )
    return os.pathsep.join(map(str, folders))


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """As compose reads it: ${X:-default}, ${X:?why it is required}. Raises ValueError with the
    sentence.
    """

    def value(found: re.Match[str]) -> str:
        name, sign, rest = found.groups()
        if given.get(name):
            return given[name]
        if sign == "?":
            raise ValueError(rest)
        return rest or ""

    return VARIABLE.sub(value, text)


def environment_of(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """What compose gives to a service."""
    return {
        name: interpolated(str(value), given)
        for name, value in SERVICES[service].get("environment", {}).items()
    }


def free_port() -> str:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def make_image(folder: Path) -> Path:
    """Carry out the last stage of the Dockerfile in a folder: its COPYs, then the RUN that collects
    the static files.
    """
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    for source, target in re.findall(r"^COPY (?!--)(\S+) (\S+)$", last, re.MULTILINE):
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, folder / target)
    (run,) = (
        words for words in re.findall(r"^RUN (.+)$", last, re.MULTILINE) if "manage.py" in words
    )
    environment = {"PATH": path(), "DATA_DIR": str(folder / "var")}
    subprocess.run(run, shell=True, cwd=folder, env=environment, check=True)
    return folder


@dataclass
class Deployment:
    """Services that run in the image's folder. `elsewhere` is what containers find at other places."""

    image: Path
    given: Mapping[str, str]
    elsewhere: Mapping[str, str]
    more: Mapping[str, Sequence[str]] = field(
        default_factory=dict
    )  # options that say so to programs without an environment
    running: dict[str, Popen[bytes]] = field(default_factory=dict)

    def environment(self, service: str) -> dict[str, str]:
        """What the service's processes get to know."""
        return {"PATH": path(), **environment_of(service, self.given), **self.elsewhere}

    def log(self, service: str) -> Path:
        """Where its output goes."""
        return self.image.parent / f"{service}.log"

    def start(self, service: str) -> None:
        """Start its command."""
        command = [*map(str, SERVICES[service]["command"]), *self.more.get(service, ())]
        with self.log(service).open("ab") as log:
            self.running[service] = Popen(
                command,
                cwd=self.image,
                env=self.environment(service),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, service: str, sign: signal.Signals = signal.SIGTERM) -> int:
        """Stop its main process as an engine does, and return its exit code."""
        process = self.running.pop(service)
        process.send_signal(sign)
        try:
            return process.wait(STOP_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def stop_all(self) -> None:
        """Whatever still runs, the one started last first."""
        for service in reversed(list(self.running)):
            self.stop(service)

    def run(self, service: str, *command: str) -> CompletedProcess[str]:
        """Run a command where the service runs."""
        environment = self.environment(service)
        return subprocess.run(
            command,
            cwd=self.image,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_SECONDS,
        )

    def is_healthy(self, service: str) -> bool:
        """What its health check says."""
        kind, program, *words = map(str, SERVICES[service]["healthcheck"]["test"])
        assert kind == "CMD"
        return (
            self.run(service, program, *self.more.get(f"{service} health", ()), *words).returncode
            == 0
        )
