"""Every setting refuses wrong values, at the start of every process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.setting_schema import SETTINGS, errors

ROOT = Path(__file__).resolve().parents[2]
NUMBER = ("", "x", "-1", "1.5", "9" * 25)
FLAG = ("ture", "2", "null")
WRONG: dict[str, tuple[str, ...]] = {
    "DATA_DIR": ("", "a\nb", "a\0b", ".", "collected", str(ROOT.parent)),
    "DATABASE_URL": (
        "",
        "nonsense",
        "sqlite://",
        "mysql://u:p@h/n",
        "postgresql://h:port/name",
        "postgresql://u:p@h:5432/",
        "postgresql://u:p@h/n?unknown=1",
        "postgresql://[::1/n",
    ),
    "WAREHOUSE_URL": ("", "var/warehouse", "s3://bucket"),
    "WAREHOUSE_THREADS": ("0", *NUMBER),
    "WAREHOUSE_MEMORY": ("", "xx", "1", "0GB", "-1GB", "80%"),
    "WAREHOUSE_SPILL": ("", "xx", "1", "0GB", "-1GB", "90%"),
    "BIGQUERY_MAX_BYTES": ("0", *NUMBER),
    "BIGQUERY_PRICE_PER_TIB": ("", "x", "-1", "nan", "inf"),
    "BIGQUERY_LABELS": ("team", "=x", "Team=x", "a=b=c"),
    "SOURCE_OWNERS": ("PGS", "=x", "PGS=", "P GS=x", "a=b=c"),
    "MAX_PARALLEL_BATCHES": ("0", *NUMBER),
    "AUDIT_AFTER_JOBS": FLAG,
    "APPROVAL_THRESHOLD_DATES": NUMBER,
    "WORKER_PROCESSES": ("0", *NUMBER),
    "REDIS_URL": ("localhost:6379", "http://localhost", "redis:"),
    "HEARTBEAT_SECONDS": ("0", "45", *NUMBER),
    "SWEEP_SECONDS": ("0", *NUMBER),
    "BATCH_LOST_AFTER_SECONDS": ("0", *NUMBER),
    "WORKER_DEAD_AFTER_SECONDS": ("0", "2", *NUMBER),
    "STEP_TIME_LIMIT_SECONDS": ("0", *NUMBER),
    "KEEP_DAYS": ("36501", *NUMBER),
    "KEEP_VERSIONS_DAYS": ("3651", *NUMBER),
    "VERSIONS_MAX_GB": ("1000001", *NUMBER),
    "RUN_LOG_DAYS": ("36501", *NUMBER),
    "RUN_LOG_MAX_KB": ("0", "15", "16385", *NUMBER),
    "PUBSUB_TOPIC": ("topic", "projects/p", "projects/p/topics/"),
    "NOTIFY_URLS": ("a\nb", "a\x1b[2J", "\0"),
    "WEB_ADDRESS": ("", "8000", "127.0.0.1:http", "127.0.0.1:99999", "a b:80"),
    "WEB_PROCESSES": ("0", *NUMBER),
    "WEB_THREADS": ("0", *NUMBER),
    "WEB_CONNECTIONS_PER_ADDRESS": NUMBER,
    "LOAD_FOLDERS": ("a\nb", "var/in,b\0", "\0"),
    "UPLOAD_MAX_MB": ("0", "10001", *NUMBER),
    "PANEL_URL": ("", "panel.example.com", "ftp://x"),
    "LOGIN_FAILURE_LIMIT": ("0", *NUMBER),
    "LOGIN_ADDRESS_FAILURE_LIMIT": ("0", *NUMBER),
    "LOGIN_LOCK_MINUTES": ("0", *NUMBER),
    "TOKEN_DAYS": ("0", "367", *NUMBER),
    "TRUSTED_PROXIES": ("proxy", "10.0.0.256", "10.0.0.0/33"),
    "SECRET_KEY": ("a", "x" * 60, "0123456789" * 4),
    "ALLOWED_HOSTS": ("https://x", "a b", "x/y"),
    "HTTPS": FLAG,
    "BEHIND_PROXY": FLAG,
    "CSRF_TRUSTED_ORIGINS": ("panel.example.com", "https://", "https://a b"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("localhost:4318", "grpc://collector", "http://a b"),
    "OPENLINEAGE_URL": ("localhost:5000", "kafka://broker", "http://a b"),
    "OPENLINEAGE_API_KEY": ("a\nb", "\0", "a\x1b[2J"),
    "OPENLINEAGE_NAMESPACE": ("", "a b", "x" * 101),
    "DEBUG": FLAG,
    "LOG_FORMAT": ("", "yaml", "JSON"),
    "GIT_COMMIT": ("a b", "x" * 65, "a\nb"),
}
REQUIRED = "a-long-secret-of-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz"


def test_every_setting_has_a_row_an_example_and_wrong_values() -> None:
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', (ROOT / "webapp/settings.py").read_text()))
    names = [setting.name for setting in SETTINGS]
    assert sorted(names) == sorted(read)
    assert set(names) == set(WRONG)
    assert min(map(len, WRONG.values())) >= 3


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG.items() for v in values])
def test_a_wrong_value_is_refused_in_one_sentence(name: str, value: str) -> None:
    (error,) = errors({name: value})
    assert name in error
    assert error.isprintable()


def test_all_errors_are_reported_together() -> None:
    wrong = {name: values[-1] for name, values in WRONG.items()}
    assert len(errors(wrong)) == len(SETTINGS)


def test_the_examples_are_valid() -> None:
    text = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^#([A-Z_]+)=(.+)$", text, re.MULTILINE))
    assert errors(shown) == []
    assert errors({s.name: s.example for s in SETTINGS if s.name != "SECRET_KEY"}) == []
    assert errors({"SECRET_KEY": REQUIRED, "WAREHOUSE_MEMORY": "512 MiB"}) == []


def test_a_secret_is_not_printed() -> None:
    wrong = {"DATABASE_URL": "mysql://u:hidden@h/n", "REDIS_URL": "hidden", "SECRET_KEY": "hidden"}
    assert len(errors(wrong)) == 3
    assert "hidden" not in " ".join(errors(wrong))


PROCESSES = {
    "shell": ("manage.py", "jobs"),
    "web": ("-m", "gunicorn", "webapp.wsgi", "-c", "python:webapp.gunicorn_conf"),
    "worker": ("-m", "celery", "-A", "webapp", "worker"),
    "beat": ("-m", "celery", "-A", "webapp", "beat"),
}


@pytest.mark.parametrize("process", PROCESSES)
def test_every_process_prints_one_line_and_exits_with_2(process: str, tmp_path: Path) -> None:
    wrong = {
        "DATABASE_URL": "nonsense",
        "WAREHOUSE_MEMORY": "xx",
        "WAREHOUSE_THREADS": "0",
        "SECRET_KEY": "a",
    }
    done = subprocess.run(
        [sys.executable, *PROCESSES[process]],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **wrong},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    assert all(name in done.stderr for name in wrong)
