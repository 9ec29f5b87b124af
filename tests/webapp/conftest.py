"""Fixtures of page tests: a processed and audited season, and a logged-in client of each role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client, override_settings

from tests.once import copy_warehouse
from tests.rows import load_rows
from tests.seasons.tiny import load_season
from tests.webapp.demo import Demo
from webapp.models import Role, User

HERE = Path(__file__).parent
# These run the pages' own SQL, so PostgreSQL runs them too; the others behave the same on both.
ON_BOTH = ("test_job", "test_job_control")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the other modules of this folder on SQLite only, and the longest one of all first: at
    the end, one process would run it alone.
    """
    items.sort(key=lambda item: item.path != HERE / "test_walk.py")
    for item in items:
        if item.path.parent == HERE and item.path.stem not in ON_BOTH:
            item.add_marker(pytest.mark.shell)


@pytest.fixture(autouse=True)
def plain(settings: Any) -> None:
    """Turn off slow features that pages do not depend on: password hashing, hashed file names."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    settings.SECURE_SSL_REDIRECT = False
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "static_files" not in m]


@pytest.fixture(scope="module")
def demo_rows(django_db_setup: None, django_db_blocker: Any, demo_files: Demo) -> Iterator[Demo]:
    """Load the demo's rows for a module; each test's changes are rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        load_rows(demo_files.rows.read_text(encoding="utf-8"))
        yield demo_files
        transaction.set_rollback(True)


@pytest.fixture
def demo(demo_rows: Demo, db: None, settings: Any) -> Demo:
    """Return two months with faults, run and audited; the warehouse is read-only."""
    settings.WAREHOUSE_URL = demo_rows.warehouse
    return demo_rows


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    with override_settings(WAREHOUSE_URL=f"parquet:{folder}/warehouse"):
        load_season(folder / "phase3")
    return folder / "warehouse"


@pytest.fixture
def season(tiny: Path, own_warehouse: Path) -> None:
    """Load the tiny season into this test's warehouse."""
    copy_warehouse(tiny, own_warehouse)


def logged_in(name: str, role: str) -> Client:
    """Return a logged-in client of a user with this role."""
    user, _ = User.objects.get_or_create(username=name, defaults={"role": role, "password": "!"})
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    return logged_in("vera", Role.VIEWER)


@pytest.fixture
def operator(db: None) -> Client:
    return logged_in("otto", Role.OPERATOR)


@pytest.fixture
def admin(db: None) -> Client:
    return logged_in("ada", Role.ADMIN)
