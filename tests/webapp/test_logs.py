"""Logs: machine-readable, with context, and each traceback in one document."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from django.db import Error
from django.db.models import QuerySet
from django.test import Client

from backfill import logs
from tests.webapp.calls import Program
from webapp.models import Role, User

COMMON = ("time", "level", "logger", "message", "process", "pid")


@contextmanager
def captured(formatter: logging.Formatter) -> Iterator[StringIO]:
    """Log lines of this process from INFO on, in one format."""
    stream, root = StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(formatter)
    root.addHandler(handler)
    root.setLevel("INFO")
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def written() -> Iterator[StringIO]:
    """Log lines of this process as JSON."""
    with captured(logs.JsonLines()) as stream:
        yield stream


@pytest.fixture(params=logs.FORMATS)
def log_output(request: pytest.FixtureRequest) -> Iterator[StringIO]:
    """Log lines of this process, in each format."""
    with captured(logs.FORMATS[request.param]()) as stream:
        yield stream


def lines(written: StringIO, logger: str) -> list[dict[str, Any]]:
    """Return the documents of one logger."""
    return [
        line
        for line in map(json.loads, written.getvalue().splitlines())
        if line["logger"] == logger
    ]


def logged(written: StringIO, request: str) -> dict[str, Any]:
    """Return the log document of the request with this id, without variable parts."""
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
        ids = [{k: v for k, v in line.items() if k not in COMMON} for line in lines(written, "any")]
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


# A forged line, a terminal escape, a C1 escape, a line separator, a bidirectional override and an
# unpaired surrogate.
ATTACK = (
    "x\r\n2026-01-01 00:00:00,000 INFO web: forged\x1b[2J\x9b2J\u2028forged\u202e\ud800\x00\x7f"
)


def assert_harmless(output: str) -> None:
    """Assert that the attack arrived and that nothing of it can forge a line or reach a terminal."""
    assert r"\x1b[2J" in output or r"\\x1b[2J" in output, output
    assert not [c for c in output if c != "\n" and not c.isprintable()]
    for line in output.splitlines():
        assert not line.startswith("2026-01-01"), output
        assert not line.lstrip().startswith("{") or assert_printable(json.loads(line))


def assert_printable(document: Any) -> bool:
    """Assert that no decoded value has control characters, apart from the lines of a traceback."""
    for name, value in document.items():
        text = str(value).replace("\n", "") if name == "traceback" else str(value)
        assert text.isprintable(), (name, value)
    return True


@pytest.mark.django_db
class TestControlCharacters:
    def test_of_a_path_are_escaped(self, viewer: Client, log_output: StringIO) -> None:
        path = quote(ATTACK.replace("\ud800", ""))
        assert viewer.get(f"/nosuch{path}").status_code == 404
        assert_harmless(log_output.getvalue())

    def test_of_an_entity_id_are_escaped(self, viewer: Client, log_output: StringIO) -> None:
        viewer.get(f"/dates/2021-11-22/PCF/{quote(ATTACK.replace(chr(0xD800), ''))}/")
        assert_harmless(log_output.getvalue())

    def test_of_a_user_name_are_escaped(self, log_output: StringIO) -> None:
        name = ATTACK.replace("\ud800", "").replace("\x00", "")
        client = Client()
        client.force_login(User.objects.create_user(name, role=Role.VIEWER))
        assert client.get("/guide/").status_code == 200
        assert_harmless(log_output.getvalue())

    def test_of_a_header_are_escaped(self, log_output: StringIO) -> None:
        client = Client(enforce_csrf_checks=True)
        client.post(
            "/login/",
            headers={"Origin": f"https://{ATTACK.replace(chr(0), '').replace(chr(0xD800), '')}"},
        )
        assert "Origin checking failed" in log_output.getvalue()
        assert_harmless(log_output.getvalue())


class TestEscapedFields:
    def test_a_reason_and_an_id_are_escaped_in_messages_context_and_fields(
        self, log_output: StringIO
    ) -> None:
        with logs.about(entity=ATTACK, runs=[ATTACK], **{ATTACK: {ATTACK: ATTACK}}):
            logging.getLogger(f"any{ATTACK}").info(
                "requeued: %s", ATTACK, extra={"fields": {"reason": ATTACK}}
            )
        assert len(log_output.getvalue().splitlines()) == 1
        assert_harmless(log_output.getvalue())

    def test_a_message_of_an_exception_cannot_forge_a_line(self, log_output: StringIO) -> None:
        try:
            raise ValueError(ATTACK)
        except ValueError:
            logging.getLogger("any").exception("broken", stack_info=True)
        assert_harmless(log_output.getvalue())

    def test_numbers_stay_numbers(self, written: StringIO) -> None:
        logging.getLogger("any").info("done", extra={"fields": {"ms": 1.5, "ok": True, "n": None}})
        (line,) = lines(written, "any")
        assert (line["ms"], line["ok"], line["n"]) == (1.5, True, None)

    def test_a_value_with_separators_is_quoted_in_a_text_line(self) -> None:
        record = logging.LogRecord("any", logging.INFO, "", 0, "x", (), None)
        with logs.about(user="a] [role=admin", name="É"):
            line = logs.TextLines().format(record)
        assert line.endswith('[user="a] [role=admin" name=É]')


# Start of each process up to its logging, then one line through a logger that the process uses.
PROCESSES = {
    "web": (
        "from gunicorn.config import Config; from gunicorn.glogging import Logger; import django;"
        "django.setup(); from webapp import gunicorn_conf as given; config = Config();"
        "config.set('logconfig_dict', given.logconfig_dict); config.set('accesslog', '-');"
        "log = Logger(config); log.error('x %s', attack); log.access_log.warning('x %s', attack);"
        "import logging; logging.getLogger('django.request').error('x %s', attack)"
    ),
    "worker and beat": (
        "from webapp.celery import app; from celery.utils.log import get_task_logger;"
        "import logging; app.log.setup('INFO');"
        "get_task_logger('backfill.execution.tasks').warning('x %s', attack);"
        "logging.getLogger('celery.beat').warning('x %s', attack);"
        "logging.getLogger('backfill.execution.step').info('x %s', attack)"
    ),
    "shell": (
        "import django; django.setup(); import logging;"
        "logging.getLogger('backfill').warning('x %s', attack);"
        "logging.getLogger('webapp').warning('x %s', attack);"
        "logging.getLogger('axes').warning('x %s', attack)"
    ),
}


@pytest.mark.parametrize("format_name", logs.FORMATS)
@pytest.mark.parametrize("process", PROCESSES)
def test_every_process_escapes_every_logger(process: str, format_name: str) -> None:
    environment = {
        **os.environ,
        "LOG_FORMAT": format_name,
        "PYTHONIOENCODING": "utf-8:backslashreplace",
    }
    environment["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    done = subprocess.run(
        [sys.executable, "-c", f"attack = {ATTACK!r}; {PROCESSES[process]}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    output = done.stdout + done.stderr
    written = [line for line in output.splitlines() if "forged" in line]
    assert len(written) == PROCESSES[process].count("attack"), output
    assert_harmless(output)
