"""Lineage of a failed run, and the queue of events."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from openlineage.client.serde import Serde
from openlineage.client.transport.http import HttpConfig, HttpTransport

from backfill.models import Job, Run
from backfill.telemetry import lineage
from backfill.telemetry.lineage_events import event
from tests.system.http_sink import receiving
from tests.system.installation import until

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
JOB = Job(pk=7, created_at=AT)


def run(status: str, **fields: Any) -> Run:
    return Run(
        job=JOB, processor="PSZA", date=date(2021, 11, 5), status=status, finished_at=AT, **fields
    )


def sender(url: str, timeout: float = 0.2) -> lineage.Sender:
    config = {"url": url, "timeout": timeout, "retry": {"total": 0, "read": 0, "connect": 0}}
    return lineage.Sender(HttpTransport(HttpConfig.from_dict(config)), url)


def test_a_failed_run_has_its_reason_and_no_counts() -> None:
    made = json.loads(Serde.to_json(event(JOB, run("failed", reason="no population"), "FAIL")))
    assert made["eventType"] == "FAIL"
    assert made["eventTime"] == "2026-11-29T12:00:00+00:00"
    assert made["run"]["facets"]["errorMessage"]["message"] == "no population"
    assert "outputFacets" not in made["outputs"][0] or not made["outputs"][0]["outputFacets"]
    again = event(JOB, run("failed", reason="no population"), "START")
    assert again.run.runId == made["run"]["runId"]
    other = Job(pk=7, created_at=AT.replace(year=2027))  # after a new start with an empty database
    assert event(other, run("failed"), "FAIL").run.runId != made["run"]["runId"]


def test_a_bigquery_table_is_named_by_its_project(settings: Any) -> None:
    from backfill.telemetry.lineage_events import _dataset

    _dataset.cache_clear()
    settings.WAREHOUSE_URL = "bigquery://nba-project/test_?location=EU"
    made = event(JOB, run("complete", rows=3, population=3), "COMPLETE")
    _dataset.cache_clear()
    assert made.inputs
    assert made.inputs[0].namespace == "bigquery"
    assert made.inputs[0].name == "nba-project.test_nba_analytics.player_game_summary"


def test_a_service_that_fails_is_one_line_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    started = event(JOB, run("running"), "START")
    with receiving(401) as sink, caplog.at_level("WARNING"):
        made = sender(sink.url)
        for status in (401, None, 200):
            sink.status = status
            made.add(started)
            until(lambda: not made.events.unfinished_tasks, "the end of the queue")
        made.close()
    dropped, again = [record.getMessage() for record in caplog.records]
    assert dropped.startswith(f"lineage events are dropped until {sink.url} accepts them: 401")
    assert again == f"lineage events are sent again: {sink.url} accepts them; 2 were dropped"


def test_a_full_queue_and_a_slow_service_at_exit_lose_events_but_no_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "MOST_EVENTS", 2)
    monkeypatch.setattr(lineage, "EXIT_SECONDS", 0.05)
    with receiving(None) as sink, caplog.at_level("WARNING"):
        made = sender(sink.url, timeout=30)
        for _ in range(9):
            made.add(event(JOB, run("running"), "START"))
        assert made.dropped >= 6
        made.close()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith(f"lineage events are dropped: {sink.url} is too slow")
