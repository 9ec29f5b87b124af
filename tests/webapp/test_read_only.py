"""Reads on a database that refuses every write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from backfill.models import Finding, Limits, Run
from tests.rows import load_rows
from tests.webapp import test_every_url
from tests.webapp.demo import FAULTY, Demo
from tests.webapp.test_api_access import OPERATIONS, READ_BY_POST
from tests.webapp.test_every_url import QUERY, TABLE, address
from webapp.models import AccessEvent, Token, User

pytestmark = [
    pytest.mark.database,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

filled = test_every_url.filled


@pytest.fixture
def demo(demo_files: Demo, transactional_db: None, settings: Any) -> Demo:
    """The rows of the demo, committed, so that another connection reads them."""
    with transaction.atomic():
        load_rows(demo_files.rows.read_text(encoding="utf-8"))
    settings.WAREHOUSE_URL = demo_files.warehouse
    return demo_files


@contextmanager
def read_only() -> Iterator[None]:
    """Connect with SQLite's mode=ro, or with PostgreSQL's read-only transactions."""
    usual = dict(connection.settings_dict)
    connection.close()
    if connection.vendor == "sqlite":
        connection.settings_dict["NAME"] = f"{Path(usual['NAME']).as_uri()}?mode=ro"
    else:
        options = "-c default_transaction_read_only=on"
        connection.settings_dict["OPTIONS"] = {**usual["OPTIONS"], "options": options}
    try:
        with pytest.raises(DatabaseError):
            User.objects.create(username="nobody")
        yield
    finally:
        connection.close()
        connection.settings_dict.update(usual)


def test_every_page_and_every_read_of_the_api(
    filled: dict[str, str], viewer: Client, operator: Client
) -> None:
    key = Token.issue(User.objects.get(username="otto"), "ci")[1]
    headers = {"Authorization": f"Bearer {key}"}
    urls = {name: address(name, filled) for name in TABLE}
    Limits.objects.all().delete()  # created by the first write
    found, expected = {}, {}
    with read_only():
        for name, answers in TABLE.items():
            for browser, status in ((viewer, answers.viewer), (operator, answers.operator)):
                for method in ("get", "head"):
                    answer = getattr(browser, method)(urls[name], QUERY.get(name))
                    place = name, browser is operator, method
                    answer.close()  # ends a download, which counts against the user's limit
                    found[place], expected[place] = answer.status_code, status
        for method, path in OPERATIONS:
            if method == "GET" or path in READ_BY_POST:
                answer = call(method, path, headers, int(filled["number"]))
                found[path], expected[path] = answer.status_code, 200
    assert {k: v for k, v in found.items() if v != expected[k]} == {}
    assert Token.objects.get(name="ci").used_at is None
    assert not AccessEvent.objects.filter(action="token used").exists()


def call(method: str, path: str, headers: dict[str, str], job: int) -> Any:
    """Call an operation with values that exist."""
    number = Finding.objects.all()[0].pk if "findings" in path else job
    names = {"number": number, "name": "failure-counts", "year": FAULTY.year}
    url = f"/api/{path.format(**names)}"
    days = {"start": str(FAULTY), "end": str(FAULTY)}
    if method == "GET":
        given = days if path in ("validate", "queries/{name}") else {}
        if path.startswith("versions"):
            token = Run.objects.get(processor="PSZA", date=FAULTY).fence
            named = {"processor": "PSZA", "date": str(FAULTY), "old": token}
            given = named if path == "versions/diff" else {"day": str(FAULTY)}
        return Client().get(url, given, headers=headers)
    body = {} if "retry" in path or "undo" in path else days
    return Client().post(url, json.dumps(body), "application/json", headers=headers)


def test_messages_that_do_not_fit_into_the_cookie_are_shown(admin: Client) -> None:
    users = User.objects.bulk_create(User(username=f"user{n}") for n in range(40))
    chosen = {"action": "issue_token", "_selected_action": [user.pk for user in users]}
    assert admin.post("/admin/webapp/user/", chosen).status_code == 302
    assert "_messages" in admin.session
    with read_only():
        answer = admin.get("/admin/")
    assert (answer.status_code, answer.content.decode().count("shown only once")) == (200, 40)


def test_a_change_is_an_error_of_the_database(operator: Client) -> None:
    with read_only(), pytest.raises(DatabaseError):
        operator.post("/system/tokens/", {"name": "ci"})
