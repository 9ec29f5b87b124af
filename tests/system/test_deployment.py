"""Deployment by docker-compose.yml: every command, health check and stop works unchanged.

All connections to PostgreSQL go through PgBouncer, which pools by transaction.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import psycopg
import pytest
from environ import Env

from backfill.liveness import alive_file
from backfill.processes.health import MAX_SWEEP_AGE
from backfill.session_defaults import TIMEOUTS
from tests.postgres import POOLER_PORT, PORT, Server
from tests.system.deployment import (
    DOCKERFILE,
    SERVICES,
    Deployment,
    environment_of,
    free_port,
    interpolated,
    make_image,
)
from tests.system.installation import ROOT, Installation, Reference, assert_same, until
from tests.system.stack import QUICK

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("deployment")]

OURS = ("prepare", "web", "worker", "beat")
HOST = "panel.example.com"
GIVEN = {
    "SECRET_KEY": "of-the-tests-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
    "POSTGRES_PASSWORD": "s3cret$of@the/database",
    "ALLOWED_HOSTS": HOST,
    "PANEL_URL": f"https://{HOST}",
}
EVERY_FIELD = {"time", "level", "logger", "message", "process", "pid"}


@pytest.fixture(scope="module")
def deployed(
    template: Installation, pooler: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Make the image, Redis and a database with tables; other services start on demand."""
    folder, redis = tmp_path_factory.mktemp("deployment"), free_port()
    (folder / "image").mkdir()
    shutil.copytree(template.warehouse, folder / "warehouse")
    elsewhere = {
        "DATABASE_URL": pooler.create(uuid4().hex),
        "PGHOST": str(pooler.folder),
        "REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        "WEB_ADDRESS": f"127.0.0.1:{free_port()}",
        "WAREHOUSE_URL": f"parquet:{folder / 'warehouse'}",
        "DATA_DIR": str(folder / "image" / "var"),
        "AUDIT_AFTER_JOBS": "false",
        **QUICK,
    }
    more = {"redis": ("--port", redis, "--bind", "127.0.0.1"), "redis health": ("-p", redis)}
    made = Deployment(make_image(folder / "image"), GIVEN, elsewhere, more)
    assert not made.is_healthy("redis")
    made.start("redis")
    try:
        until(lambda: made.is_healthy("redis"), "Redis", every=0.1)
        yield made
    finally:
        made.stop_all()


@pytest.fixture(scope="module")
def installation(deployed: Deployment) -> Installation:
    """Return the installation that the services work on."""
    there = deployed.elsewhere
    warehouse = Path(there["WAREHOUSE_URL"].removeprefix("parquet:"))
    database = there["DATABASE_URL"].replace(f"port={POOLER_PORT}", f"port={PORT}")
    return Installation(Path(there["DATA_DIR"]), elsewhere=warehouse, database=database)


@pytest.fixture(scope="module")
def running(deployed: Deployment, installation: Installation) -> Deployment:
    """Start all services as `docker compose up` does; two replicas create the tables together."""
    command = SERVICES["prepare"]["command"]
    environment = deployed.environment("prepare")
    asked = [
        Popen(command, cwd=deployed.image, env=environment, stdout=PIPE, stderr=PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate() for process in asked]
    assert [(process.returncode, err) for process, (_, err) in zip(asked, said, strict=True)] == [
        (0, "")
    ] * 2
    first_words = {_documents(out)[0]["message"].split()[0] for out, _ in said}
    assert first_words == {"applied", "no"}
    for service in ("web", "worker", "beat"):
        deployed.start(service)
    for service in ("web", "worker", "beat"):
        until(lambda service=service: deployed.is_healthy(service), service, every=0.2)  # type: ignore[misc]
    return deployed


def test_every_base_image_is_pinned_and_the_last_stage_has_neither_root_nor_compilers() -> None:
    images = [words[0] for words in re.findall(r"^FROM (\S+)( AS \w+)?$", DOCKERFILE, re.MULTILINE)]
    images += [
        str(service["image"])
        for service in SERVICES.values()
        if not service["image"].startswith("backcourt:")
    ]
    assert len(images) == 4
    assert [image for image in images if not re.search(r":\d+(\.\d+)+-[a-z][a-z-]+$", image)] == []
    assert "apt-get" not in DOCKERFILE
    assert "--only-binary=:all:" in DOCKERFILE
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert f"CMD {json.dumps(SERVICES['web']['command'])}" in DOCKERFILE


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    seen = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert seen == set(re.findall(r"^COPY (?!--)(\S+)", DOCKERFILE, re.MULTILINE))
    assert all((ROOT / path).exists() for path in seen)
    assert "\n*\n" in (ROOT / ".dockerignore").read_text()


def test_what_is_required_is_asked_for_in_a_sentence_and_no_secret_is_written_down() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in GIVEN:
        with pytest.raises(ValueError, match=rf"^set {name} to "):
            interpolated(text, {**GIVEN, name: ""})
    assert re.findall(r"(?:PASSWORD|SECRET_KEY): (?!\$\{)", text) == []


def test_every_service_restarts_stops_in_time_is_checked_and_waits_for_what_it_needs() -> None:
    for name, service in SERVICES.items():
        if name == "prepare":
            assert (service["restart"], list(service["depends_on"])) == ("no", ["postgres"])
        else:
            assert service["restart"] == "unless-stopped"
            assert {"healthcheck", "stop_grace_period"} <= service.keys(), name
    for name in ("web", "worker", "beat"):
        assert {of: on["condition"] for of, on in SERVICES[name]["depends_on"].items()} == {
            "prepare": "service_completed_successfully", "redis": "service_healthy",
        }  # fmt: skip


def test_the_services_find_each_other_by_their_names() -> None:
    for name in OURS:
        environment = environment_of(name, GIVEN)
        database = Env.db_url_config(environment["DATABASE_URL"])
        postgres = environment_of("postgres", GIVEN)
        assert (database["USER"], database["NAME"]) == (
            postgres["POSTGRES_USER"],
            postgres["POSTGRES_DB"],
        )
        assert (database["HOST"], environment["PGPASSWORD"]) == (
            "postgres",
            postgres["POSTGRES_PASSWORD"],
        )
        assert environment["REDIS_URL"] == "redis://redis:6379/0"


def test_nothing_about_its_security_is_left_to_say(running: Deployment) -> None:
    checked = running.run(
        "web", "python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "System check identified no issues (0 silenced).\n"


def _get(deployed: Deployment, path: str, **headers: str) -> tuple[int, HTTPMessage, str]:
    return _ask(deployed, "GET", path, {n.replace("_", "-"): v for n, v in headers.items()})


def _ask(
    deployed: Deployment, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> tuple[int, HTTPMessage, str]:
    with closing(HTTPConnection(deployed.elsewhere["WEB_ADDRESS"], timeout=30)) as connection:
        connection.request(method, path, body, headers)
        with connection.getresponse() as answer:
            return answer.status, answer.headers, answer.read().decode(errors="replace")


def test_the_panel_answers_behind_its_proxy_and_sends_all_others_to_https(
    running: Deployment,
) -> None:
    status, headers, page = _get(
        running, "/login/", Host=HOST, X_Forwarded_Proto="https", X_Request_ID="from-the-proxy"
    )
    assert (status, headers["X-Request-ID"]) == (200, "from-the-proxy")
    assert "Strict-Transport-Security" in headers
    stylesheet = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert stylesheet
    status, headers, _ = _get(
        running, stylesheet[1], Host=HOST, X_Forwarded_Proto="https", Accept_Encoding="br"
    )
    assert (status, headers["Content-Encoding"]) == (200, "br")
    assert "immutable" in headers["Cache-Control"]
    status, headers, _ = _get(running, "/", Host=HOST)
    assert (status, headers["Location"]) == (301, f"https://{HOST}/")
    assert _get(running, "/", Host="somebody.else", X_Forwarded_Proto="https")[0] == 400


def _documents(output: str) -> list[dict[str, Any]]:
    """Return the log lines of an output; each has all fields that every line has."""
    assert [line for line in output.splitlines() if not line.startswith("{")] == []
    lines: list[dict[str, Any]] = list(map(json.loads, output.splitlines()))
    assert [line for line in lines if not line.keys() >= EVERY_FIELD] == []
    return lines


def _logged(deployed: Deployment, service: str, logger: str) -> list[dict[str, Any]]:
    lines = _documents(deployed.log(service).read_text())
    return [line for line in lines if line["logger"] == logger]


def test_every_request_is_one_line_of_json(running: Deployment) -> None:
    mine = uuid4().hex
    _get(
        running, "/login/?next=/somewhere", Host=HOST, X_Forwarded_Proto="https", X_Request_ID=mine
    )
    (line,) = [
        line
        for line in _logged(running, "web", "webapp.middleware.request_log")
        if line["request"] == mine
    ]
    assert {"time", "level", "ms"} <= line.keys()
    assert [line[name] for name in ("message", "method", "path", "status", "user")] == [
        "GET /login/ 200", "GET", "/login/", 200, "",
    ]  # fmt: skip
    assert [
        line
        for line in _logged(running, "web", "webapp.middleware.request_log")
        if line["path"] == "/healthz"
    ] == []
    assert _logged(running, "web", "gunicorn.error")


def test_beat_has_lost_work_looked_for(running: Deployment, installation: Installation) -> None:
    before = installation.rows("SELECT at FROM backfill_sweep")
    until(
        lambda: installation.rows("SELECT at FROM backfill_sweep") > before,
        "another sweep",
        every=0.1,
    )


def test_a_worker_that_is_told_to_stop_ends_its_step_and_another_one_ends_the_job(
    running: Deployment, installation: Installation, reference: Reference
) -> None:
    days = {"start": str(reference.days[0]), "end": str(reference.days[-1])}
    mine = _started_by_api(running, {**days, "batch_size": 5})
    until(lambda: installation.runs()["running"], "a step", every=0.005)
    assert running.stop("worker") == 0
    left = installation.runs()
    assert (left["running"], left["failed"]) == (0, 0)
    assert left["pending"], "the job had ended before its worker was stopped"
    until(lambda: not running.is_healthy("worker"), "an unhealthy worker", every=0.2)
    running.start("worker")
    until(lambda: installation.jobs() == ["succeeded"], "the job's end", every=0.1)
    assert_same(installation, reference)
    steps = _logged(running, "worker", "backfill.execution.step")
    assert {line["processor"] for line in steps} == {"TDZA", "PSZA", "PCF", "PDC", "ML"}
    runs = {str(run) for (run,) in installation.rows("SELECT run_id FROM backfill_run")}
    assert {run for line in steps for run in line["runs"]} == runs  # type: ignore[attr-defined]
    assert {(line["job"], line["request"]) for line in steps} == {(1, mine)}


def _started_by_api(deployed: Deployment, options: dict[str, Any]) -> str:
    """Start a backfill and return the id of the request."""
    manage = ("python", "manage.py")
    deployed.run("web", *manage, "user", "erin", "--role", "operator")
    token = json.loads(deployed.run("web", *manage, "token", "erin", "test", "--json").stdout)
    headers = {
        **{"Host": HOST, "X-Forwarded-Proto": "https", "X-Request-ID": "the-start"},
        **{"Content-Type": "application/json", "Authorization": f"Bearer {token['key']}"},
    }
    status, _, text = _ask(deployed, "POST", "/api/jobs", headers, json.dumps(options))
    assert status == 201, text
    return "the-start"


def _logged_in(deployed: Deployment) -> dict[str, str]:
    """Return the headers of a browser in which a new admin has logged in."""
    made = deployed.run("web", "python", "manage.py", "user", "dana", "--role", "admin", "--json")
    _, headers, page = _get(deployed, "/login/", Host=HOST, X_Forwarded_Proto="https")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token, made.stderr
    given = {**json.loads(made.stdout), "csrfmiddlewaretoken": token[1]}
    sent = urlencode({"username": "dana", **given})
    common = {"Host": HOST, "X-Forwarded-Proto": "https", "Referer": f"https://{HOST}/"}
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": _cookies(headers)}
    status, headers, text = _ask(deployed, "POST", "/login/", {**common, **form}, sent)
    assert status == 302, text
    return {**common, "Cookie": _cookies(headers)}


def _cookies(headers: HTTPMessage) -> str:
    return "; ".join(text.partition(";")[0] for text in headers.get_all("Set-Cookie", ()))


def test_pages_and_exports_come_through_the_pooler_and_sessions_have_the_timeouts(
    running: Deployment, installation: Installation, tmp_path: Path
) -> None:
    browser, runs = _logged_in(running), sum(installation.runs().values())
    for path in ("/", "/jobs/1/", "/runs/", "/triage/", "/system/", "/queries/", "/coverage/"):
        assert _get(running, path, **browser)[0] == 200, path
    for path in ("/runs.csv?season=2021", "/jobs/1/report.csv"):
        status, _, text = _get(running, path, **browser)
        assert (status, text.count("\n")) == (200, runs + 1), text[:500]
    saved = running.run("web", "python", "manage.py", "backup", str(tmp_path / "backup"))
    assert saved.returncode == 0, saved.stderr
    with psycopg.connect(installation.database, autocommit=True) as session:
        found = [session.execute(f"SHOW {name}".encode()).fetchone() for name in TIMEOUTS]
    assert found == [("30s",), ("1min",)]


def test_the_commands_of_the_first_hour_succeed(running: Deployment) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    hour = page.partition("## First hour in production\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^ +docker compose exec web (python manage\.py .*)$", hour, re.MULTILINE)
    assert len(commands) > 6
    for command in commands:
        words, _, comment = command.partition("#")
        if not comment.strip().startswith("BigQuery only"):
            done = running.run("web", *words.replace("NAME", "frank").split())
            # A season of twelve teams is a finding.
            expected = (0, 1) if "triage" in command else (0,)
            assert done.returncode in expected, (command, done.stdout, done.stderr)


def test_postgres_is_asked_by_its_health_check(running: Deployment, tmp_path: Path) -> None:
    assert running.is_healthy("postgres")
    nowhere = Deployment(running.image, GIVEN, {"PGHOST": str(tmp_path)})
    assert not nowhere.is_healthy("postgres")


def test_all_of_it_ends_in_order_and_is_unhealthy_then(
    running: Deployment, installation: Installation
) -> None:
    for service in ("beat", "worker", "web"):
        assert running.stop(service) == 0, running.log(service).read_text()[-2000:]
        lines = _documents(running.log(service).read_text())
        assert {line["process"] for line in lines} <= {service}
    assert "worker: Warm shutdown (MainProcess)" in running.log("worker").read_text()
    assert installation.rows("SELECT count(*) FROM backfill_worker") == [(0,)]
    last_sweep = alive_file(Path(running.elsewhere["DATA_DIR"]), "beat")
    os.utime(last_sweep, (last_sweep.stat().st_mtime - MAX_SWEEP_AGE - 1,) * 2)
    for service in ("web", "worker", "beat"):
        until(lambda service=service: not running.is_healthy(service), service, every=0.2)  # type: ignore[misc]
    assert running.stop("redis") == 0
    assert not running.is_healthy("redis")
