"""What is logged can be read by a program, says what it is about, and keeps a traceback in one
piece.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.db import Error
from django.db.models import QuerySet
from django.test import Client

from backfill import logs
from tests.webapp.calls import Program
from webapp.models import Role, User


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What a process writes that logs documents, from INFO on."""
    stream, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(logs.JsonLines())
    root.addHandler(handler)
    root.setLevel("INFO")
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def lines(written: StringIO, logger: str) -> list[dict[str, Any]]:
    """The documents of one logger."""
    return [
        line
        for line in map(json.loads, written.getvalue().splitlines())
        if line["logger"] == logger
    ]


def logged(written: StringIO, request: str) -> dict[str, Any]:
    """What was logged of the request that was asked under this id, but for what differs each time."""
    (line,) = [
        line
        for line in lines(written, "webapp.middleware.request_log")
        if line["request"] == request
    ]
    return {name: line[name] for name in ("message", "method", "path", "status", "user")}


@pytest.mark.django_db
class TestRequests:
    def test_one_line_says_who_asked_for_what_and_how_that_ended(
        self, viewer: Client, written: StringIO
    ) -> None:
        answer = viewer.get("/guide/?word=secret", headers={"X-Request-ID": "mine"})
        name = User.objects.get().username
        expected = {
            "message": "GET /guide/ 200",
            "method": "GET",
            "path": "/guide/",
            "status": 200,
            "user": name,
        }
        assert (answer["X-Request-ID"], logged(written, "mine")) == ("mine", expected)
        assert "secret" not in written.getvalue()

    def test_of_a_program_it_is_the_user_of_its_key(self, written: StringIO) -> None:
        answer = Client().get("/api/jobs", headers=Program(Role.VIEWER).headers)
        assert logged(written, answer["X-Request-ID"])["user"] == "a viewer"

    @pytest.mark.parametrize("given", ["two words", "x" * 65, "a\tb", ""])
    def test_an_id_that_could_disturb_a_log_is_not_taken_over(self, given: str) -> None:
        assert Client().get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] != given

    def test_a_check_of_its_health_is_no_news_unless_it_fails(
        self, written: StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Client().get("/healthz")
        assert lines(written, "webapp.middleware.request_log") == []

        def gone(self: QuerySet[Any]) -> bool:
            raise Error("gone")

        monkeypatch.setattr(QuerySet, "exists", gone)
        Client().get("/healthz", headers={"X-Request-ID": "mine"})
        assert (logged(written, "mine")["status"], logged(written, "mine")["user"]) == (503, "")

    def test_the_traceback_of_a_page_that_breaks_is_one_field_of_one_line(
        self, viewer: Client, written: StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object, **__: object) -> str:
            raise ValueError("two\nlines")

        monkeypatch.setattr("webapp.pages.guide.views.render", broken)
        viewer.raise_request_exception = False
        answer = viewer.get("/guide/", headers={"X-Request-ID": "mine"})
        (line,) = lines(written, "django.request")
        assert (answer.status_code, line["level"], line["request"]) == (500, "ERROR", "mine")
        assert line["traceback"].startswith("Traceback (most recent call last):")
        assert line["traceback"].endswith("ValueError: two\nlines")


class TestLines:
    def test_what_a_line_is_about_ends_with_the_block(self, written: StringIO) -> None:
        log = logging.getLogger("any")
        with logs.about(job=1):
            with logs.about(batch=2):
                log.info("in")
            log.info("between", extra={"fields": {"seconds": 1.5}})
        log.info("out")
        ids = [
            {k: v for k, v in line.items() if k not in ("time", "level", "logger", "message")}
            for line in lines(written, "any")
        ]
        assert ids == [{"job": 1, "batch": 2}, {"job": 1, "seconds": 1.5}, {}]

    def test_another_thread_is_about_something_else(self, written: StringIO) -> None:
        with logs.about(job=1), ThreadPoolExecutor(1) as pool:
            pool.submit(logging.getLogger("any").info, "there").result()
        (line,) = lines(written, "any")
        assert "job" not in line

    def test_as_text_it_says_the_same(self) -> None:
        record = logging.LogRecord(
            "backfill.execution.step", logging.WARNING, "", 0, "%s broke", ("PCF",), None
        )
        with logs.about(job=1, batch=2):
            line = logs.TextLines().format(record)
        assert line.endswith(" WARNING backfill.execution.step: PCF broke [job=1 batch=2]")
