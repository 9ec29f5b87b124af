"""Run page and drawer: facts, attempts, log, SQL, errors and retry."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from backfill.models import Finding, Job, Run, StepLog
from backfill.processors.render import sql_hash
from backfill.status.run import detail as run_detail

pytestmark = pytest.mark.usefixtures("demo")
HTMX = {"HTTP_HX_REQUEST": "true"}


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", page)).split())


def a_run(**wanted: Any) -> Run:
    found = Run.objects.filter(**{"processor": "TDZA", "status": "complete", **wanted})
    run = found.exclude(failures={}).order_by("pk").first()
    assert run
    return run


def failed_run() -> Run:
    run = Run.objects.filter(status="failed").order_by("pk").first()
    assert run
    return run


def html(client: Client, name: str, run: Run, query: str = "", **headers: str) -> str:
    response = client.get(reverse(name, args=[run.pk]) + query, **headers)
    assert response.status_code == 200, response.content
    return str(response.content.decode())


def test_a_complete_run_shows_its_facts_failures_and_log(viewer: Client) -> None:
    run = a_run(processor="PSZA")
    page = html(viewer, "run", run)
    text = text_of(page)
    assert run.run_id in text
    usual = run_detail.usual_duration(run)
    assert usual
    assert f"median of {usual.runs} PSZA runs" in text
    for name in run.failures:
        assert f'/dates/{run.date}/PSZA/?category={name}"' in page
    assert "All as expected." in text or "unexpected" in text
    assert f'href="{reverse("job", args=[run.job_id])}"' in page
    assert f"/dates/{run.date}/?processor=PSZA" in page
    (log,) = StepLog.objects.of(run)
    assert f"complete: {run.rows} rows" in text
    assert "options: " in text
    other = next(day for day in log.dates if day != str(run.date))
    assert f"[{other}]" not in text
    assert f"[{other}]" in text_of(html(viewer, "run", run, "?dates=all"))


def test_the_drawer_is_the_same_content_without_the_page(viewer: Client) -> None:
    run = a_run()
    drawer = html(viewer, "run", run, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="drawer")
    assert "<html" not in drawer
    assert 'id="drawer-title"' in drawer
    assert f'id="run-facts-{run.pk}"' in drawer
    # A restored or shared address is the whole page.
    assert "<html" in html(viewer, "run", run, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="content")


def test_the_log_is_searched_filtered_and_downloaded(viewer: Client) -> None:
    run = a_run()
    assert "query of" in html(viewer, "run_log", run, "?q=QUERY", **HTMX)
    assert "options:" not in html(viewer, "run_log", run, "?q=query+of", **HTMX)
    assert "No matching lines" in html(viewer, "run_log", run, "?q=nowhere-to-be-found", **HTMX)
    assert "No matching lines" in html(viewer, "run_log", run, "?level=trouble", **HTMX)
    response = viewer.get(reverse("run_log_text", args=[run.pk]) + "?dates=all")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert f"run-{run.run_id}-TDZA-{run.date}.txt" in response["Content-Disposition"]
    (log,) = StepLog.objects.of(run)
    body = response.content.decode()
    assert body.startswith(
        f"# run {run.run_id}: TDZA {run.date}, job {run.job_id}\n# attempt 1 of 1"
    )
    assert body.endswith(f"{log.text}\n")


def test_only_an_active_run_is_polled_and_only_changes_are_sent(viewer: Client) -> None:
    run = a_run()
    assert "every 1s" not in html(viewer, "run", run)
    Run.objects.filter(pk=run.pk).update(status="running", claim="abc", finished_at=None)
    StepLog.objects.filter(job=run.job, batch=run.batch, processor=run.processor).update(
        claim="abc", ended_at=None, text="2026-01-01T00:00:00.000Z INFO first line"
    )
    page = html(viewer, "run", run)
    assert "first line" in page
    (poll,) = {
        part.split('"')[0] for part in page.split('hx-get="') if "seen=" in part.split('"')[0]
    }
    poll = poll.replace("&amp;", "&")
    assert viewer.get(poll, **HTMX).status_code == 204
    StepLog.objects.filter(claim="abc").update(
        text="2026-01-01T00:00:00.000Z INFO first line\n2026-01-01T00:00:01.000Z INFO second line"
    )
    changed = viewer.get(poll, **HTMX).content.decode()
    assert "second line" in changed
    assert f'id="run-facts-{run.pk}"' in changed
    assert 'hx-swap-oob="morph"' in changed
    assert "<html" in viewer.get(poll).content.decode()


def test_a_failed_run_shows_its_error_and_retries_it(operator: Client, viewer: Client) -> None:
    run = failed_run()
    page = html(operator, "run", run)
    assert run.reason.split(":")[0] in text_of(page)
    assert reverse("run_errors", args=[run.pk]) in page
    errors = html(operator, "run_errors", run, **HTMX)
    retry = f"/jobs/{run.job_id}/retry/?processor={run.processor}&amp;start={run.date}"
    assert ("<strong>Retry</strong>: " in errors) != (retry in errors)
    assert "Operators" in html(viewer, "run_errors", run, **HTMX) or "operator" in html(
        viewer, "run_errors", run, **HTMX
    )
    assert "<html" in html(operator, "run_errors", run)


def test_a_run_with_expected_failures_is_not_retried(operator: Client) -> None:
    run = a_run(processor="PSZA")
    assert set(run.failures) <= {"INSUFFICIENT_DATA"}, run.failures
    errors = html(operator, "run_errors", run, **HTMX)
    assert "nothing to retry: all failures are expected" in text_of(errors)
    assert "btn-primary" not in errors


def test_a_bug_leads_to_its_entities_and_source_rows(operator: Client) -> None:
    run = next(r for r in Run.objects.all() if r.failures.get("PROCESSING_ERROR"))
    Finding.objects.filter(first__lte=run.date, last__gte=run.date).update(
        evidence={}, processors=[run.processor]
    )
    finding = Finding.objects.filter(first__lte=run.date, last__gte=run.date).first()
    assert finding
    row = {"table": "pgs", "entity": "player_7", "date": str(run.date)}
    finding.evidence, finding.dates = {"rows": [row]}, [str(run.date)]
    finding.state = Finding.State.OPEN
    finding.save()
    errors = html(operator, "run_errors", run, **HTMX)
    assert "PROCESSING_ERROR" in errors
    assert f"/dates/{run.date}/{run.processor}/" in errors
    assert "Query of the source rows" in errors
    assert f"table pgs, entity player_7, date {run.date}" in errors


def test_an_older_run_names_the_newer_one_and_all_attempts(operator: Client) -> None:
    old = a_run()
    job = Job.objects.create(
        **{"options": old.job.options, "actor": "zoe", "code_version": "x", "batch_size": 1},
        status="succeeded",
    )
    new = Run.objects.create(
        **{"job": job, "processor": old.processor, "date": old.date, "batch": 0},
        **{"status": "complete", "started_at": now(), "finished_at": now(), "worker": "host 7 1"},
    )
    page = text_of(html(operator, "run", old))
    assert f"Superseded by run {new.run_id} of job {job.pk}" in page
    assert "host 7" in page
    assert f"job {job.pk}" in page
    assert "a newer run has replaced this one" in html(operator, "run_errors", old, **HTMX)
    assert "No log is stored" in text_of(html(operator, "run", new))


def test_an_attempt_whose_worker_died_is_shown(viewer: Client) -> None:
    run = a_run()
    StepLog.objects.create(
        **{"job": run.job, "processor": run.processor, "batch": run.batch, "claim": "dead"},
        **{"worker": "host 9 1", "dates": {str(run.date): ""}, "text": "began"},
        started_at=(run.started_at or now()) - timedelta(minutes=1),
    )
    text = text_of(html(viewer, "run", run))
    assert "worker lost" in text
    assert "host 9" in text


def test_the_sql_is_the_one_of_the_run_or_says_so(viewer: Client) -> None:
    run = a_run()
    page = html(viewer, "run", run)
    assert f"[DATE &#x27;{run.date}&#x27;]" in page
    assert "@dates" not in page
    assert f'data-copy="#run-sql-{run.pk}"' in page
    assert "not the one that was executed" not in page
    Run.objects.filter(pk=run.pk).update(sql_hash="0123abcd")
    text = text_of(html(viewer, "run", run))
    assert "The run executed SQL 0123abcd" in text
    assert f"the current one ({sql_hash('TDZA')}), not the one that was executed" in text


def test_the_address_of_the_previous_release_redirects(viewer: Client) -> None:
    run = a_run()
    old = viewer.get(reverse("job_run", args=[run.job_id, run.processor, run.date]))
    assert (old.status_code, old["Location"]) == (301, reverse("run", args=[run.pk]))
    assert viewer.get("/runs/999999999/").status_code == 404
    assert viewer.get("/runs/999999999/log/").status_code == 404


def test_the_api_has_the_run_and_its_log(viewer: Client) -> None:
    run = a_run()
    document = viewer.get(f"/api/runs/{run.pk}").json()
    assert (document["run"], document["run_id"], document["status"]) == (
        run.pk,
        run.run_id,
        "complete",
    )
    assert {f["category"]: f["entities"] for f in document["failures"] if f["entities"]} == (
        run.failures
    )
    assert document["sql_is_current"] is True
    assert document["attempts"][0]["has_log"] is True
    log = viewer.get(f"/api/runs/{run.pk}/log").json()
    lines = log["attempts"][0]["lines"]
    assert {line["date"] for line in lines} == {"", str(run.date)}
    found = viewer.get(f"/api/runs/{run.pk}/log?text=query of&all_dates=true").json()
    assert all("query of" in line["text"] for line in found["attempts"][0]["lines"])
    assert viewer.get("/api/runs/999999999").status_code == 404
    assert viewer.get("/api/runs/999999999/log").status_code == 404
