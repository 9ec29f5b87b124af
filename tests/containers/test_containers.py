"""Containers: build, upgrade, start, backfill, scale, stop, and start again.

`bin/test --containers` runs it. The tests are steps of one trial, in this order. An operation that the
engine refuses on this machine is reported as skipped, with the engine's message.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.containers.engine import Engine, EngineRefused, Project, engine
from tests.programs import FindProgram
from tests.system.installation import ROOT, until

pytestmark = [pytest.mark.system, pytest.mark.containers]

HOST = "panel.example.com"
REQUIRED = {
    "SECRET_KEY": "of$the-tests-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
    "POSTGRES_PASSWORD": "s3cret$of-the-tests",
    "ALLOWED_HOSTS": HOST,
    "PANEL_URL": f"https://{HOST}",
}
MOST_MB_ABOVE_BASE = 470
MONTH = ("--start", "{}-11-01", "--end", "{}-11-30")
STOP_SECONDS = 30
KILLED = 137  # exit code after the grace period
MIGRATIONS = "SELECT app || name FROM django_migrations"


SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]
STARTS = [SERVICES[name]["command"] for name in ("web", "worker", "beat")]


def git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def previous_version() -> str:
    """Return the newest tag or, without one, the commit before the newest migration."""
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if tag:
        return tag
    added = ("log", "-1", "--diff-filter=A", "--format=%H")
    return git(*added, "--", "backfill/migrations", "webapp/migrations") + "^"


@pytest.fixture(scope="module")
def podman(program: FindProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return the engine with the image of this version."""
    program("containers")
    with engine(tmp_path_factory.mktemp("engine")) as made:
        try:
            made.build("backcourt:tests", ROOT, git("rev-parse", "--short", "HEAD"))
        except EngineRefused as refused:
            pytest.skip(f"the engine refused: {refused}")
        yield made


@pytest.fixture(scope="module")
def project(podman: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(podman, tmp_path_factory.mktemp("project"))
    with made.checked():
        yield made
        made.compose("down", "--volumes", "--timeout", "5")


def start(project: Project, *services: str, **settings: str) -> None:
    """Start services of this version with the required settings and these."""
    project.write(
        (ROOT / "docker-compose.yml").read_text(),
        {**REQUIRED, "BACKCOURT_TAG": "tests", "WORKER_MEMORY": "2g", **settings},
    )
    project.succeeded("up", "--detach", *services)


def up(project: Project, **settings: str) -> None:
    """Start all services and wait until they are healthy."""
    start(project, **settings)
    for service in ("web", "worker", "beat"):
        for container in project.containers(service):
            until(lambda c=container: project.is_healthy(c), container, every=0.5)  # type: ignore[misc]


def rows(project: Project, query: str) -> set[str]:
    command = ("psql", "-U", "backcourt", "-At", "-c", query, "backcourt")
    return set(project.succeeded("exec", "-T", "postgres", *command).splitlines())


def test_the_image_has_only_the_files_of_run_time(podman: Engine) -> None:
    sizes = [
        json.loads(podman.podman("image", "inspect", name))[0]["Size"] // 10**6
        for name in (
            "backcourt:tests",
            re.findall(r"FROM (\S+)", (ROOT / "Dockerfile").read_text())[0],
        )
    ]
    assert sizes[0] - sizes[1] < MOST_MB_ABOVE_BASE
    command = "import pyarrow.parquet, google.cloud.bigquery_storage, google.cloud.pubsub, apprise"
    podman.podman("run", "--rm", "--network=none", "backcourt:tests", "python", "-c", command)


def test_an_upgrade_migrates_the_database_and_keeps_its_content(
    project: Project, podman: Engine, tmp_path: Path
) -> None:
    version = previous_version()
    archive = tmp_path / "code.tar"
    git("archive", f"--output={archive}", version)
    (tmp_path / "old").mkdir()
    shutil.unpack_archive(archive, tmp_path / "old")
    podman.build("backcourt:previous", tmp_path / "old", "previous")
    project.write(
        (tmp_path / "old" / "docker-compose.yml").read_text(),
        {**REQUIRED, "BACKCOURT_TAG": "previous"},
    )
    project.succeeded("up", "--detach", "postgres", "redis", "prepare", "web")
    project.manage("user", "ada", "--role", "admin")
    before = rows(project, MIGRATIONS)
    up(project)
    assert rows(project, MIGRATIONS) - before
    assert rows(project, "SELECT username FROM webapp_user") == {"ada"}


def test_pages_are_served_and_ready_with_a_volume_at_the_data_folder(project: Project) -> None:
    (web,) = project.containers("web")
    code = (
        "from http.client import HTTPConnection as C; c = C('127.0.0.1:8000');"
        f"c.request('GET', '/login/', headers={{'Host': '{HOST}', 'X-Forwarded-Proto': 'https'}});"
        "r = c.getresponse(); print(r.status, r.read().decode())"
    )
    page = project.succeeded("exec", "-T", "web", "python", "-c", code)
    assert page.startswith("200 ")
    assert re.search(r"/static/\S+\.[0-9a-f]{12}\.css", page)
    assert "healthy" in project.manage("health", "ready")
    assert "/backcourt/var" in project.engine.podman("inspect", web)


def test_phase_3_is_loaded_and_a_month_backfilled_by_three_workers(
    project: Project, season_folder: Path
) -> None:
    up(project, WORKER_REPLICAS="3")
    project.succeeded("up", "--detach")
    assert len(project.containers("worker")) == 3
    load = f"tar -C '{season_folder}' -c . | docker-compose -p {project.name} exec -T web sh -c"
    load += " 'mkdir -p var/phase3 && tar -x -C var/phase3 --no-same-owner'"
    done = project.engine.run("sh", "-c", load, folder=project.folder)
    assert done.returncode == 0, done.stderr
    loaded = project.manage("load_phase3", "var/phase3")
    year = re.search(r"season (\d{4}) loaded", loaded)
    assert year, loaded
    month = [word.format(year[1]) for word in MONTH]
    project.manage("backfill", *month, "--as", "ada", "--skip-preflight", "--reason", "trial")
    assert rows(project, "SELECT actor FROM backfill_job") == {"ada"}
    stopped, *_ = project.containers("worker")
    began = time.monotonic()
    project.engine.podman("stop", "--time", str(STOP_SECONDS), stopped)
    assert time.monotonic() - began < STOP_SECONDS
    project.engine.podman("start", stopped)
    jobs = "SELECT status FROM backfill_job"
    until(lambda: rows(project, jobs) == {"succeeded"}, "the job's end", every=1)


@pytest.mark.parametrize(
    ("init", "after"), [("--init", 0.0), ("", 0.0), ("", 0.5), ("", 2.0), ("", 5.0)]
)
def test_a_process_that_starts_stops_on_sigterm(project: Project, init: str, after: float) -> None:
    """Without an init process, from the first line: until then, Python itself is starting."""
    start(project, "postgres", "redis")
    (project.folder / ".env.plain").write_text(
        "".join(f"{name}={value}\n" for name, value in REQUIRED.items())
        + "DATABASE_URL=postgresql://backcourt@postgres/backcourt\n"
        + f"PGPASSWORD={REQUIRED['POSTGRES_PASSWORD']}\nREDIS_URL=redis://redis:6379/0\n"
    )
    run = ["run", "--detach", f"--network={project.name}_default"]
    run += [f"--env-file={project.folder}/.env.plain", *init.split(), "backcourt:tests"]
    podman = project.engine.podman
    started = [podman(*run, *command).strip() for command in STARTS]
    for container in started if not init else ():
        until(lambda c=container: handles_sigterm(project.engine, c), "the first line", every=0.01)  # type: ignore[misc]
    time.sleep(after)  # a moment of the start, not an event
    began = time.monotonic()
    podman("stop", "--time", str(STOP_SECONDS), *started)
    seconds = time.monotonic() - began
    codes = [state(project.engine, container)["ExitCode"] for container in started]
    podman("rm", *started)
    assert KILLED not in codes, codes
    assert seconds < STOP_SECONDS


def state(podman: Engine, container: str) -> dict[str, Any]:
    return dict(json.loads(podman.podman("inspect", container))[0]["State"])


def handles_sigterm(podman: Engine, container: str) -> bool:
    status = Path(f"/proc/{state(podman, container)['Pid']}/status").read_text()
    caught = re.search(r"^SigCgt:\s+(\w+)$", status, re.MULTILINE)
    return bool(caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_everything_is_there_again_after_down_and_up(project: Project) -> None:
    project.succeeded("down")
    assert project.containers(".*") == []
    up(project)
    assert len(project.containers("worker")) == 1
    assert rows(project, "SELECT status FROM backfill_job") == {"succeeded"}


def test_external_servers_replace_the_included_ones(project: Project) -> None:
    podman, password = project.engine.podman, "an$other/p@ss word"
    up(project)  # makes the network
    network = f"--network={project.name}_default"
    servers = {
        "external-postgres": [
            "--env=POSTGRES_USER=backcourt", "--env=POSTGRES_DB=backcourt",
            f"--env=POSTGRES_PASSWORD={password}", SERVICES["postgres"]["image"],
        ],
        "external-redis": [SERVICES["redis"]["image"], *SERVICES["redis"]["command"],
                           "--requirepass", "s3cret"],
    }  # fmt: skip
    for name, options in servers.items():
        podman("run", "--detach", f"--name={name}", network, *options)
    try:
        ready = ("exec", "external-postgres", "pg_isready", "-U", "backcourt", "-h", "127.0.0.1")
        until(lambda: not project.engine.run("podman", *ready).returncode, "PostgreSQL", every=0.5)
        up(
            project,
            POSTGRES_REPLICAS="0",
            POSTGRES_PASSWORD=password,
            DATABASE_URL="postgresql://backcourt@external-postgres:5432/backcourt",
            REDIS_REPLICAS="0",
            REDIS_URL="redis://:s3cret@external-redis:6379/0",
        )
        assert (project.containers("postgres"), project.containers("redis")) == ([], [])
        assert "no jobs yet" in project.manage("jobs")
    finally:
        podman("rm", "--force", *servers)
