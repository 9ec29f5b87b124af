"""/readyz names each failing check, without details."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from backfill.celery_app import celery_app
from backfill.processes.supervisor import redis_program
from backfill.warehouse.parquet.paths import RESTORING
from tests.system.installation import until
from webapp.ops import readiness

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    """Return the URL of a Redis server that needs a password."""
    with TemporaryDirectory(prefix="backcourt-redis-") as folder:
        socket = f"{folder}/redis.sock"
        options = ("--port", "0", "--unixsocket", socket, "--requirepass", "hidden", "--save", "")
        with Popen([redis_program(), *options], cwd=folder) as server:
            until(Path(socket).exists, "Redis", every=0.05)
            yield f"redis+socket://:hidden@{socket}"
            server.terminate()


@pytest.fixture
def ready(
    redis: str, season: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Fulfill every condition; return the folder of static files."""
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 0)
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    (settings.STATIC_ROOT / "staticfiles.json").write_text("{}")
    monkeypatch.setattr(settings, "REDIS_URL", redis)
    # Another test can have set it, after which broker_url has no effect.
    monkeypatch.setattr(celery_app().conf, "broker_write_url", redis)
    return settings.STATIC_ROOT


def failing() -> list[str]:
    answer = Client().get("/readyz")
    assert "hidden" not in answer.content.decode()
    assert (answer.status_code == 200) == (answer.json() == {"status": "ok"})
    return list(answer.json().get("failing", []))


def test_it_is_ready_when_everything_works(ready: Path, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert failing() == []


def test_without_static_files_it_is_not(ready: Path) -> None:
    shutil.rmtree(ready)
    assert failing() == ["static files"]
    assert Client().get("/healthz").status_code == 200


def test_without_a_migration_it_is_not(ready: Path, caplog: pytest.LogCaptureFixture) -> None:
    MigrationRecorder.Migration.objects.filter(app="backfill", name="0001_initial").delete()
    with caplog.at_level(logging.WARNING):
        assert failing() == ["migrations"]
    assert "backfill.0001_initial; run `manage.py migrate_locked`" in caplog.text


def test_without_redis_it_is_not(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "redis://:hidden@127.0.0.1:1/0"
    monkeypatch.setattr(celery_app().conf, "broker_write_url", nowhere)
    assert failing() == ["redis"]


def test_during_a_restore_it_is_not(ready: Path, own_warehouse: Path) -> None:
    mark = own_warehouse / RESTORING
    mark.touch()
    assert failing() == ["restore"]
    mark.unlink()
    assert failing() == []


def test_without_a_usable_warehouse_it_is_not(ready: Path, settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    settings.WAREHOUSE_URL = f"parquet:{file}"
    assert "warehouse not writable" in failing()
    settings.WAREHOUSE_URL = "parquet:"
    assert failing() == ["warehouse not readable", "warehouse not writable"]


def test_a_good_result_is_kept_for_seconds_and_a_bad_one_is_not(
    ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = readiness.Readiness()
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 60)
    manifest = ready / "staticfiles.json"
    manifest.write_text("")
    assert shared.failing() == ["static files"]
    manifest.write_text("{}")
    assert shared.failing() == []
    manifest.unlink()
    assert shared.failing() == []
