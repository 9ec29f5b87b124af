"""docker-compose.yml and the Dockerfile, executed without a container engine.

The image is a folder with the files that the Dockerfile copies; a service is its command, started
there with its environment. Only hosts, ports and volumes differ, because all services share one
machine.
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
from webapp.setting_schema import COLLECTED

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
STOP_SECONDS = 60


@cache
def path() -> str:
    """Return a PATH with the programs of the images."""
    folders = (
        Path(sys.executable).parent,
        Path(redis_program()).parent,
        ensure("postgres"),
        "/usr/bin",
        "/bin",
    )
    return os.pathsep.join(map(str, folders))


def interpolated(text: str, given: Mapping[str, str]) -> str:
    """Expand ${X:-default} and ${X:?message} as compose does.

    Raises ValueError with the message.
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
    """Return the environment that compose gives a service."""
    return {
        name: interpolated(str(value), given)
        for name, value in SERVICES[service].get("environment", {}).items()
    }


def free_port() -> str:
    """Return a port that no process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def make_image(folder: Path) -> Path:
    """Execute the last stage of the Dockerfile in a folder: its COPYs, then collectstatic, which
    compresses only what has changed since the checkout collected it.
    """
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    for source, target in re.findall(r"^COPY (?!--)(\S+) (\S+)$", last, re.MULTILINE):
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, folder / target)
    if COLLECTED.exists():
        shutil.copytree(COLLECTED, folder / COLLECTED.name, copy_function=os.link)
    (run,) = (
        words for words in re.findall(r"^RUN (.+)$", last, re.MULTILINE) if "static_files" in words
    )
    environment = {"PATH": path(), "DATA_DIR": str(folder / "var")}
    subprocess.run(run, shell=True, cwd=folder, env=environment, check=True)
    return folder


@dataclass
class Deployment:
    """Services that run in the image's folder.

    `elsewhere` replaces addresses and paths of containers.
    """

    image: Path
    given: Mapping[str, str]
    elsewhere: Mapping[str, str]
    # Replacements for programs that read options instead of the environment.
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)
    running: dict[str, Popen[bytes]] = field(default_factory=dict)

    def environment(self, service: str) -> dict[str, str]:
        """Return the environment of the service's processes."""
        return {"PATH": path(), **environment_of(service, self.given), **self.elsewhere}

    def log(self, service: str) -> Path:
        """Return the file of a service's output."""
        return self.image.parent / f"{service}.log"

    def start(self, service: str) -> None:
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
        """Stop a service's main process as an engine does, and return its exit code."""
        process = self.running.pop(service)
        process.send_signal(sign)
        try:
            return process.wait(STOP_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def stop_all(self) -> None:
        """Stop all running services, newest first."""
        for service in reversed(list(self.running)):
            self.stop(service)

    def run(self, service: str, *command: str) -> CompletedProcess[str]:
        """Run a command in the environment of a service."""
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
        """Return the result of the service's health check."""
        kind, program, *words = map(str, SERVICES[service]["healthcheck"]["test"])
        assert kind == "CMD"
        return (
            self.run(service, program, *self.more.get(f"{service} health", ()), *words).returncode
            == 0
        )
