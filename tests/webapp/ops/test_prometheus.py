"""Debian's Prometheus against two real web processes: counts, alerts, and the Grafana dashboard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import psutil
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.browser.panel import free_address
from tests.programs import FindProgram
from tests.system.installation import ROOT, environment, until

DOCS = ROOT / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
CASES = Path(__file__).parent / "alerts_test.yml"
SCALER = DOCS / "kubernetes" / "keda" / "worker-scaler.yaml"
PROBES = 40


def expressions() -> list[str]:
    """Return the queries of the dashboard and of the scaler, without Grafana's variables."""
    found = [target["expr"] for panel in PANELS for target in panel["targets"]]
    scaler = yaml.safe_load(SCALER.read_text())["spec"]
    found += [trigger["metadata"]["query"] for trigger in scaler["triggers"]]
    found += [note["expr"] for note in DASHBOARD["annotations"]["list"]]
    return [text.replace("$__rate_interval", "20s") for text in found]


@pytest.fixture(scope="module")
def promtool(program: FindProgram) -> str:
    return str(program("prometheus") / "promtool")


def test_each_alert_fires_and_stays_silent_as_its_series_say(promtool: str) -> None:
    """Run promtool; each alert has a case in which it fires, and one in which it does not."""
    rules = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"][0]["rules"]
    cases = [case["alert_rule_test"][0] for case in yaml.safe_load(CASES.read_text())["tests"]]
    names = {rule["alert"] for rule in rules}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names
    done = subprocess.run(
        [promtool, "test", "rules", CASES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_rule_or_query_names_a_job_or_an_instance() -> None:
    texts = [*expressions(), (DOCS / "alerts.yml").read_text()]
    assert [
        text for text in texts if "job=" in text or "instance" in text.partition("\n\n")[2]
    ] == []


def test_the_scrape_example_is_valid(promtool: str, tmp_path: Path) -> None:
    for name in ("prometheus.yml", "alerts.yml"):
        (tmp_path / name).write_text((DOCS / name).read_text())
    (tmp_path / "backcourt-token").touch()
    done = subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_has_only_fields_of_grafanas_schema() -> None:
    """Read it with Grafana's own models: an unknown field would be lost."""
    register_default_plugins()
    read = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))

    def lost(given: object, kept: object, path: str) -> Iterator[str]:
        if isinstance(given, dict) and isinstance(kept, dict):
            for key, value in given.items():
                yield from lost(value, kept.get(key), f"{path}.{key}")
        elif isinstance(given, list) and isinstance(kept, list):
            for number, pair in enumerate(zip(given, kept, strict=True)):
                yield from lost(*pair, f"{path}[{number}]")
        elif given != kept:
            yield path

    assert list(lost(DASHBOARD, read, "dashboard")) == []
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


@dataclass(frozen=True)
class Monitored:
    """Installation with two web processes, scraped by Prometheus each second."""

    var: Path
    web: Popen[bytes]
    panel: str
    prometheus: str
    token: str

    def metrics(self) -> str:
        request = Request(
            f"{self.panel}/metrics", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def count(self, sample: str) -> float:
        """Return the value of a sample in a scrape."""
        found = [line for line in self.metrics().splitlines() if line.startswith(sample)]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def query(self, text: str) -> list[dict[str, Any]]:
        """Ask Prometheus. Raises an error for a query that it cannot parse."""
        with urlopen(
            f"{self.prometheus}/api/v1/query?{urlencode({'query': text})}", timeout=30
        ) as a:
            return list(json.loads(a.read())["data"]["result"])


def history(var: Path, verb: str) -> str:
    command = [sys.executable, "-m", "tests.webapp.ops.history", verb]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(DATA_DIR=str(var)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def responds(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):
            return True
    except (URLError, ConnectionError):
        return False


@pytest.fixture(scope="module")
def monitored(promtool: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    var, server = tmp_path_factory.mktemp("monitored"), tmp_path_factory.mktemp("prometheus")
    token, web, listen = history(var, "prepare"), free_address(), free_address()
    authorization = {"credentials": token}
    scrape = {
        "job_name": "any",
        "authorization": authorization,
        "static_configs": [{"targets": [web]}],
    }
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
    (server / "prometheus.yml").write_text(yaml.safe_dump(config))
    gunicorn = [sys.executable, "-m", "gunicorn", "webapp.wsgi"]
    with ExitStack() as running:

        def start(command: list[str], env: dict[str, str]) -> Popen[bytes]:
            process = Popen(command, cwd=ROOT, env=env, stdout=DEVNULL, stderr=DEVNULL)
            running.callback(process.wait, 30)
            running.callback(process.terminate)
            return process

        panel = start(
            [*gunicorn, "-c", "python:webapp.gunicorn_conf"],
            environment(DATA_DIR=str(var), WEB_ADDRESS=web, WEB_PROCESSES="2"),
        )
        until(lambda: responds(f"http://{web}/healthz"), "the panel")
        start(
            [
                str(Path(promtool).with_name("prometheus")),
                f"--config.file={server}/prometheus.yml",
                f"--storage.tsdb.path={server}/data",
                f"--web.listen-address={listen}",
            ],
            dict(os.environ),
        )
        found = Monitored(var, panel, f"http://{web}", f"http://{listen}", token)
        until(lambda: responds(f"{found.prometheus}/-/ready"), "Prometheus")
        until(lambda: found.query("backcourt_build_info"), "the first scrape")
        yield found


@pytest.mark.system
@pytest.mark.xdist_group("prometheus")
def test_requests_of_all_web_processes_are_counted_also_of_one_that_ended(
    monitored: Monitored,
) -> None:
    sample = 'backcourt_requests_total{method="GET",status="200",view="healthz"}'
    before = monitored.count(sample)
    for _ in range(PROBES):
        assert responds(f"{monitored.panel}/healthz")
    assert monitored.count(sample) == before + PROBES
    main = psutil.Process(monitored.web.pid)
    for process in main.children():
        process.kill()
        process.wait(30)
    until(lambda: responds(f"{monitored.panel}/healthz"), "a new web process")
    assert monitored.count(sample) >= before + PROBES + 1


@pytest.mark.system
@pytest.mark.xdist_group("prometheus")
def test_every_query_of_the_dashboard_returns_data(monitored: Monitored) -> None:
    history(monitored.var, "work")
    done = "sum(backcourt_bigquery_job_dollars_total) == 6.25"
    until(lambda: monitored.query(done), "the scrape after the work", every=0.2)
    empty = expressions()[:-1]  # all but the note of a new version

    def all_have_data() -> bool:
        empty[:] = [text for text in empty if not monitored.query(text)]
        return not empty

    # A counter that has just appeared has a rate from its second scrape.
    until(all_have_data, "data of every query", every=0.2)
    steps = 'backcourt_step_duration_seconds_count{processor="PSZA"}'
    assert [row["value"][1] for row in monitored.query(steps)] == ["1"]
    slow = 'rate(backcourt_step_duration_seconds_bucket{processor="PSZA"}[20s])'
    (quantile,) = monitored.query(f"histogram_quantile(0.9, sum by (le) ({slow}))")
    assert 0 < float(quantile["value"][1]) < 60
