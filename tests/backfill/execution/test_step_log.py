"""Logs of runs: content, secrets, size, and that no log fails a step."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils.timezone import now

from backfill.errors import StatementFailed, WarehouseBusy
from backfill.execution import execute, step_log, tasks
from backfill.models import Run, StepLog
from backfill.processors.registry import CHAIN
from backfill.status.run.log import LogFilter, as_text, lines_of, state_of
from backfill.telemetry import log_lines
from backfill.telemetry.log_lines import LogLines, collecting, hide, note, redacted
from tests.backfill.working import batch_of, dispatch, make_job, run_all, step
from tests.seasons.tiny import FIRST, SECOND

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season")]
ALL = LogFilter(every_date=True)


def log_of(code: str = "TDZA", batch: int = 0) -> StepLog:
    return StepLog.objects.get(processor=code, batch=batch)


def test_a_step_of_several_dates_has_one_log_that_its_runs_share() -> None:
    job = run_all(make_job(batch_size=2, canary=False, reason="to try"))
    assert StepLog.objects.count() == len(CHAIN) * job.batches.count()
    log = log_of()
    runs = list(job.runs.filter(processor="TDZA", batch=0).order_by("date"))
    assert [run.date for run in runs] == [FIRST, SECOND]
    for run in runs:
        assert StepLog.objects.of(run) == [log]
        own = "\n".join(map(str, LogFilter().lines(log, run)))
        assert f"[{run.date}] complete: {run.rows} rows" in own
        assert sum("] complete" in line for line in own.splitlines()) == 1
        assert state_of(log, run) == "complete"
    for wanted in (
        *(f"2 dates, {FIRST} to {SECOND}; attempt 1", "triggered by ann", "SQL hash"),
        *("options: ", "batch_size 2", "query of", "write: ", "input signatures in"),
        *("run history in", "record in", "2 complete in"),
    ):
        assert wanted in log.text
    assert "to try" not in log.text
    assert log.result == "2 complete"
    assert log.ended_at is not None
    assert len([line for line in lines_of(log) if line.date]) == 2


def test_an_error_of_the_code_leaves_its_traceback_without_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hide("postgresql://ann:p%40ssw0rd-x@db/x")

    def crash(*given: Any) -> None:
        raise ValueError("cannot open postgresql://ann:p%40ssw0rd-x@db/x with p@ssw0rd-x")

    monkeypatch.setattr(execute, "execute", crash)
    job = make_job()
    dispatch.dispatch()
    step(batch_of(job, 0), "TDZA")
    log = log_of()
    assert "Traceback (most recent call last)" in log.text
    assert "in crash" in log.text
    assert "ERROR [2021-11-02] failed: ValueError" in log.text
    assert "ssw0rd" not in log.text
    assert log.result == "1 failed"
    (trouble,) = (line for line in lines_of(log) if "Traceback" in line.text)
    assert trouble.is_trouble


def test_every_attempt_has_a_log_with_the_reason_of_its_retry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    works, calls = execute.execute, []

    def busy_once(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise WarehouseBusy("rate limit")
        return works(*given)

    monkeypatch.setattr(execute, "execute", busy_once)
    job = make_job()
    dispatch.dispatch()
    step(batch_of(job, 0), "TDZA")
    run = job.runs.get(processor="TDZA", date=FIRST)
    (first,) = StepLog.objects.of(run)
    assert state_of(first, run) == "requeued"
    assert "requeued: retry 1 of" in first.text
    assert "rate limit" in first.text
    assert f"# attempt 1 of 1: requeued, worker {first.worker}" in as_text(run, [first], ALL)


def test_a_failing_statement_is_halved_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    works = execute._attempt

    def fail(warehouse: Any, given: Any, check: Any) -> Any:
        if FIRST in given.dates:
            raise StatementFailed("division by zero")
        return works(warehouse, given, check)

    monkeypatch.setattr(execute, "_attempt", fail)
    job = make_job(batch_size=2, canary=False)
    dispatch.dispatch()
    step(batch_of(job, 0), "TDZA")
    log = log_of()
    assert f"halving {FIRST} to {SECOND} (2 dates)" in log.text
    assert f"ERROR {FIRST} failed: StatementFailed: division by zero" in log.text
    assert log.dates == {str(FIRST): "failed", str(SECOND): "complete"}


def test_a_log_that_cannot_be_stored_does_not_fail_its_step(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(log: StepLog) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(StepLog, "keep", refuse)
    job = run_all(make_job())
    assert job.status == job.Status.SUCCEEDED
    assert not StepLog.objects.exists()
    assert "was not stored: disk full" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
def test_the_log_of_a_long_step_can_be_read_while_it_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(step_log, "FLUSH_SECONDS", 0.05)
    works, began, go_on = execute.execute, threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        began.set()
        assert go_on.wait(20)
        return works(*given)

    monkeypatch.setattr(execute, "execute", slow)
    monkeypatch.setattr(dispatch.queue, "enqueue", lambda batch: None)
    job = make_job()
    dispatch.dispatch()
    batch = batch_of(job, 0)

    def run() -> None:
        try:
            step(batch, "TDZA")
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert began.wait(20)
        until = time.monotonic() + 20
        while not (found := StepLog.objects.filter(batch=0).first()):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert "attempt 1" in found.text
        assert "complete" not in found.text
        assert found.ended_at is None
        running = job.runs.get(processor="TDZA", date=FIRST)
        assert state_of(found, running) == "running"
        Run.objects.filter(pk=running.pk).update(claim="another")
        running.refresh_from_db()
        assert state_of(found, running) == "worker lost"
        Run.objects.filter(pk=running.pk).update(claim=found.claim)
    finally:
        go_on.set()
        thread.join(20)
    found.refresh_from_db()
    assert found.result == "1 complete"
    assert "] complete: " in found.text
    assert StepLog.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
def test_a_slow_flush_ends_before_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_log, "FLUSH_SECONDS", 0.01)
    works, stores, began = execute.execute, StepLog.keep_unfinished, threading.Event()

    def store_late(log: StepLog) -> None:
        began.set()
        time.sleep(0.5)
        stores(log)

    def execute_during_flush(*given: Any) -> Any:
        assert began.wait(20)
        return works(*given)

    monkeypatch.setattr(StepLog, "keep_unfinished", store_late)
    monkeypatch.setattr(execute, "execute", execute_during_flush)
    monkeypatch.setattr(dispatch.queue, "enqueue", lambda batch: None)
    job = make_job()
    dispatch.dispatch()
    step(batch_of(job, 0), "TDZA")
    assert "step log" not in [thread.name for thread in threading.enumerate()]
    assert log_of().result == "1 complete"


def test_a_step_within_a_transaction_starts_no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_log, "FLUSH_SECONDS", 0)
    works, names = execute.execute, list[str]()

    def watched(*given: Any) -> Any:
        names.extend(thread.name for thread in threading.enumerate())
        return works(*given)

    monkeypatch.setattr(execute, "execute", watched)
    run_all(make_job())
    assert names
    assert "step log" not in names


def test_a_late_flush_changes_no_finished_log() -> None:
    run_all(make_job())
    log = log_of()
    late = StepLog.objects.get(pk=log.pk)
    late.pk, late.text, late.ended_at = None, "early lines", None
    late.keep_unfinished()
    assert log_of().text == log.text
    assert log_of().ended_at == log.ended_at


def test_a_large_log_keeps_its_first_and_its_last_lines(settings: Any) -> None:
    limit = 16 * 1024
    lines = LogLines(limit)
    for number in range(5000):
        lines.add(datetime(2026, 1, 1, tzinfo=UTC), "INFO", f"line {number}")
    lines.add(datetime(2026, 1, 1, tzinfo=UTC), "ERROR", "the end")
    text = lines.text()
    assert lines.is_cut
    assert len(text.encode()) <= limit + 100
    assert "line 0" in text.splitlines()[0]
    assert text.endswith("ERROR the end")
    assert "lines omitted" in text
    lines.add(datetime(2026, 1, 1, tzinfo=UTC), "INFO", "x" * limit)
    assert "(line cut)" in lines.text()
    assert len(lines.text().encode()) <= limit + 100


def test_a_step_obeys_the_size_setting(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RUN_LOG_MAX_KB = 16
    works = execute.execute

    def talkative(*given: Any) -> Any:
        for number in range(2000):
            note(f"line {number} of a talkative step")
        return works(*given)

    monkeypatch.setattr(execute, "execute", talkative)
    run_all(make_job())
    log = log_of()
    assert log.is_cut
    assert len(log.text.encode()) <= 16 * 1024 + 100
    assert "attempt 1" in log.text
    assert "1 complete in" in log.text


def test_lines_of_other_threads_and_of_no_step_are_not_collected() -> None:
    lines = LogLines(16 * 1024)
    note("outside")
    with collecting(lines):
        other = threading.Thread(target=lambda: note("another thread"))
        other.start()
        other.join()
        handler = log_lines.StepHandler()
        record = logging.LogRecord("google", logging.WARNING, "", 1, "slow %s", ("poll",), None)
        record.fields = {"date": date(2021, 11, 2)}
        handler.emit(record)
        handler.emit(logging.LogRecord("x", logging.WARNING, "", 1, "%d", ("no number",), None))
    handler.emit(record)
    (line,) = lines.text().splitlines()
    assert line.endswith("WARNING [2021-11-02] slow poll")


def test_a_line_cannot_be_forged() -> None:
    lines = LogLines(16 * 1024)
    lines.add(
        datetime(2026, 1, 1, tzinfo=UTC), "INFO", "a\n2026-01-01T00:00:00.000Z ERROR b\x1b[2J"
    )
    _first, second = lines.text().split("\n")
    assert second == "    2026-01-01T00:00:00.000Z ERROR b\\x1b[2J"
    (line,) = lines_of(StepLog(text=lines.text()))
    assert line.level == "INFO"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("redis://:secretpw@host:6379/0", "redis://***:***@host:6379/0"),
        ("mailto://user:pw@host and more", "mailto://***:***@host and more"),
        ("Authorization: Bearer abcdefghijk", "Authorization: ***"),
        ("sent Bearer abcdefghijkl to it", "sent Bearer *** to it"),
        ("api_key=abc, password = 'x y'", "api_key=***, password = '*** y'"),
        ("gs://bucket/file and https://host/a@b", "gs://bucket/file and https://host/a@b"),
        ("token 5 was superseded", "token 5 was superseded"),
    ],
)
def test_secrets_are_hidden(text: str, wanted: str) -> None:
    assert redacted(text) == wanted


def test_values_of_secret_settings_are_hidden() -> None:
    hide("postgresql://ann:zzyyxx99@db/x", "", "json://user:hush-hush@host,slack://TokenA/TokenB")
    assert redacted("login with zzyyxx99 failed") == "login with *** failed"
    assert redacted("slack://TokenA/TokenB did not answer") == "*** did not answer"
    assert redacted("hush-hush") == "***"


def test_a_cut_leaves_no_part_of_a_secret() -> None:
    hide("wwvvuu-0123456789")
    lines = LogLines(800)
    lines.add(now(), "INFO", f"{'x' * 95}wwvvuu-0123456789 {'y' * 50}")
    assert "(line cut)" in lines.text()
    assert "wwv" not in lines.text()


def test_old_logs_are_pruned_and_their_runs_stay(settings: Any) -> None:
    job = run_all(make_job())
    logs = StepLog.objects.count()
    old = now() - timedelta(days=91)
    StepLog.objects.filter(processor="TDZA").update(started_at=old)
    running = StepLog.objects.filter(processor="TDZA").first()
    assert running
    run = job.runs.filter(processor="TDZA", batch=running.batch)
    run.update(status=Run.Status.RUNNING, claim=running.claim)
    settings.RUN_LOG_DAYS = settings.KEEP_DAYS = settings.KEEP_VERSIONS_DAYS = 0
    with pytest.raises(SystemExit, match="2"):
        call_command("prune")
    settings.RUN_LOG_DAYS = 90
    call_command("prune", dry_run=True)
    assert StepLog.objects.count() == logs
    tasks.prune()
    assert StepLog.objects.filter(processor="TDZA").count() == 1
    assert StepLog.objects.count() == logs - job.batches.count() + 1
    assert job.runs.count() == 5 * 4
    call_command("prune", log_days=1)
    assert StepLog.objects.count() == logs - job.batches.count() + 1
    job.delete()
    assert not StepLog.objects.exists()
