"""Podman and Debian's Compose, on a socket of their own, with the files of the repository.

Two adaptations, because Debian's Compose is older than 2.24 and a nested machine has no systemd: the
file of settings is named in the old syntax, and this process runs the health checks.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess, Popen

from tests.system.installation import ROOT, until

CHECK_SECONDS = 1.0
COMMAND_SECONDS = 300
# Messages of an engine that may not do something on this machine, which is no fault of Backcourt.
REFUSED = re.compile(
    r"operation not permitted|permission denied|not supported|OCI permission", re.I
)


class EngineRefused(Exception):
    """Operation that the engine does not permit on this machine, with its message."""


def adapted(compose: str) -> str:
    """Return a Compose file that Debian's Compose reads."""
    compose = compose.replace("- {path: .env, required: false}", "- .env")
    compose = re.sub(r"\n +start_interval: .*", "", compose)
    return re.sub(r"\n  build:\n(    .*\n)+", "\n", compose)  # the image exists already


@dataclass
class Engine:
    """Podman with the limits of this machine, and its socket."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of the engine's commands."""
        return {
            **{k: os.environ[k] for k in ("PATH", "HOME") if k in os.environ},
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "DOCKER_HOST": f"unix://{self.folder}/podman.sock",
            "COMPOSE_HTTP_TIMEOUT": str(COMMAND_SECONDS),
        }

    def run(self, *command: str, folder: Path = ROOT, text: str = "") -> CompletedProcess[str]:
        """Run a command. Raises EngineRefused if the engine does not permit it."""
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        if done.returncode and REFUSED.search(done.stderr):
            raise EngineRefused(f"{' '.join(command[:4])}: {done.stderr.strip()[-500:]}")
        return done

    def podman(self, *words: str, text: str = "") -> str:
        """Run podman and return its output."""
        done = self.run("podman", *words, text=text)
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def build(self, tag: str, folder: Path, commit: str) -> int:
        """Build an image; return its size in MB."""
        self.podman(
            "build", "--quiet", "--network=host", "--volume=/etc/ssl/certs:/etc/ssl/certs:ro",
            f"--build-arg=GIT_COMMIT={commit}", f"--tag={tag}", str(folder),
        )  # fmt: skip
        return int(json.loads(self.podman("image", "inspect", tag))[0]["Size"]) // 10**6


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Run Podman's socket."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    (folder / "containers.conf").write_text(
        "[containers]\n"
        f'default_ulimits = ["nofile={min(files, 20000)}:{min(files, 20000)}", "nproc=4096:4096"]\n'
        'init_path = "/usr/bin/catatonit"\n[engine]\nruntime = "runc"\ncompat_api_enforce_docker_hub = false\n'
    )
    made, socket = Engine(folder), folder / "podman.sock"
    command = ["podman", "system", "service", "--time=0", f"unix://{socket}"]
    with (
        (folder / "service.log").open("wb") as log,
        Popen(command, env=made.environment, stdout=log, stderr=log) as service,
    ):
        try:
            until(socket.exists, "Podman's socket", every=0.1)
            yield made
        finally:
            service.terminate()


@dataclass
class Project:
    """Services of a Compose file, in a folder with its .env."""

    engine: Engine
    folder: Path
    name: str = "backcourt-tests"

    def write(self, compose: str, settings: Mapping[str, str]) -> None:
        """Write the Compose file and the settings, in single quotes as the documentation says."""
        (self.folder / "docker-compose.yml").write_text(adapted(compose))
        lines = [f"{name}='{value}'\n" for name, value in settings.items()]
        (self.folder / ".env").write_text("".join(lines))

    def compose(self, *words: str, text: str = "") -> CompletedProcess[str]:
        """Run Compose."""
        command = ("docker-compose", "--project-name", self.name, *words)
        return self.engine.run(*command, folder=self.folder, text=text)

    def succeeded(self, *words: str, text: str = "") -> str:
        """Run Compose and return its output."""
        done = self.compose(*words, text=text)
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-3000:])
        return done.stdout

    def manage(self, *words: str) -> str:
        """Run a command of manage.py in the web service."""
        return self.succeeded("exec", "-T", "web", "python", "manage.py", *words)

    def containers(self, service: str) -> list[str]:
        """Return the running containers of a service."""
        prefix = f"name=^{self.name}_{service}_"
        return self.engine.podman("ps", "--filter", prefix, "--format", "{{.Names}}").split()

    def log(self, container: str) -> str:
        """Return the output of a container."""
        done = self.engine.run("podman", "logs", container)
        return done.stdout + done.stderr

    def is_healthy(self, container: str) -> bool:
        """Run a container's health check."""
        return self.engine.run("podman", "healthcheck", "run", container).returncode == 0

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Run the health checks of all containers, as systemd's timers do elsewhere."""
        stopped = threading.Event()

        def check() -> None:
            while not stopped.wait(CHECK_SECONDS):
                with suppress(AssertionError, EngineRefused, subprocess.TimeoutExpired):
                    for container in self.containers(".*"):
                        self.is_healthy(container)

        thread = threading.Thread(target=check, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()
