"""Page of a job, and its live part while the job runs."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from backfill.drilldown.entity_names import all_names
from backfill.models import Event, EventCause, Finding, Job, Run, SeasonAudit
from backfill.status.attention import stop_cause
from backfill.status.job_outcome import (
    JobRun,
    groups_now,
    job_outcome,
    own_runs,
    roots,
    verdicts_of,
)
from backfill.status.progress import TimeLeft, progress
from backfill.version import code_version
from tests.webapp.demo import Demo
from tests.webapp.polls import OpenPage
from validation.season import usual_season_year
from webapp.pages.job import figures

pytestmark = [pytest.mark.database, pytest.mark.django_db]
DAY = date(2021, 11, 10)


@pytest.fixture
def job(demo: Demo) -> Job:
    return Job.objects.get()


def html_of(client: Client, name: str, *args: object, **query: str) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def make_run(job: Job, code: str, day: date, status: str, **fields: object) -> JobRun:
    run = Run.objects.create(job=job, processor=code, date=day, batch=0, status=status, **fields)
    return own_runs(job, [run.pk])[0]


def make_job(like: Job, status: str = "running", **fields: object) -> Job:
    fields = {
        "options": {**like.options, "start": "2030-11-01", "end": "2030-12-31"},
        "code_version": "x",
        "batch_size": 1,
        **fields,
    }
    made = Job.objects.create(status=status, actor="ann", started_at=now(), **fields)
    Event.objects.create(job=made, actor="ann", action="queued → running", to_state="running")
    return made


def change(run: Run, status: str) -> None:
    run.job.runs.filter(pk=run.pk).transition((run.status,), status, actor="worker")


def open_job(client: Client, job: Job) -> OpenPage:
    return OpenPage.of(client, reverse("job", args=[job.pk]))


def legend(html: str) -> str:
    return html.partition('id="legend"')[2].partition("</ul>")[0]


# The page


@pytest.mark.shell
def test_the_page_tells_state_failures_options_and_events(viewer: Client, job: Job) -> None:
    html = html_of(viewer, "job", job.pk)
    for words in (
        "to see the faults",
        "PROCESSING_ERROR",
        "past data does not change",
        job.code_version,
        "queued → running",
    ):
        assert words in html


def test_each_own_run_has_a_cell_that_can_be_replaced_by_itself(viewer: Client, job: Job) -> None:
    html = html_of(viewer, "job", job.pk)
    assert set(re.findall(r'id="cell-(\w+-[\d-]+)"', html)) == {
        f"{r.processor}-{r.date}" for r in job.runs.all()
    }


def test_a_cell_leads_to_its_run_and_a_failed_one_to_its_error(viewer: Client, job: Job) -> None:
    failed = job.runs.filter(status="failed").first() or job.runs.filter(status="complete").first()
    Run.objects.filter(pk=failed.pk).update(
        status="failed", reason="it broke <b>here</b>", error="Oops"
    )
    html = html_of(viewer, "job", job.pk)
    assert f'href="/runs/{failed.pk}/"' in html
    assert "it broke &lt;b&gt;here&lt;/b&gt;" in html_of(viewer, "run", failed.pk)
    fine = job.runs.filter(status="complete").exclude(pk=failed.pk).first()
    assert f'href="/runs/{fine.pk}/"' in html


@pytest.mark.shell
def test_empty_sections_are_one_line_and_options_are_folded(viewer: Client, job: Job) -> None:
    Run.objects.update(failures={}, status="complete", input_signature="")
    Finding.objects.all().delete()
    html = " ".join(html_of(viewer, "job", job.pk).split())
    assert re.search(r'class="card card-line"\s+aria-labelledby="attempts-title">', html)
    assert '<details class="card job-details">' in html
    groups = " ".join(html_of(viewer, "job_groups", job.pk).split())
    assert '<section id="groups" class="card card-line"' in groups
    assert "No current errors or bugs." in groups


@pytest.mark.shell
def test_the_error_groups_are_those_that_a_retry_takes(operator: Client, job: Job) -> None:
    Run.objects.filter(job=job).update(code_version=code_version())
    html = html_of(operator, "job_groups", job.pk)
    found = groups_now(job)
    assert found
    assert all(g.id in html and "nothing to retry" in html for g in found)
    Run.objects.filter(job=job).update(code_version="older")  # no fix of a source row
    html = html_of(operator, "job_groups", job.pk)
    assert f"/jobs/{job.pk}/retry/?group=" not in html
    Run.objects.filter(job=job).update(input_signature="older")  # Phase 3 changed since
    html = html_of(operator, "job_groups", job.pk)
    bugs = [g for g in found if g.what == "PROCESSING_ERROR"]
    assert bugs
    assert all(f"/jobs/{job.pk}/retry/?group={g.id}" in html for g in bugs)


@pytest.mark.shell
def test_a_group_of_a_job_that_has_not_ended_waits_as_its_other_failures_do(
    operator: Client, viewer: Client, job: Job
) -> None:
    assert "operators only" in html_of(viewer, "job_groups", job.pk)
    Job.objects.filter(pk=job.pk).update(status="paused")
    html = html_of(operator, "job_groups", job.pk)
    assert "wait until the job has ended" in html
    assert f"/jobs/{job.pk}/retry/?group=" not in html


@pytest.mark.shell
def test_the_text_of_a_group_is_shown_as_text(viewer: Client, job: Job) -> None:
    run = job.runs.filter(status="complete").first()
    Run.objects.filter(pk=run.pk).update(
        status="failed", error="Oops", reason="<script>alert(1)</script>"
    )
    for html in (html_of(viewer, "job_groups", job.pk), html_of(viewer, "job", job.pk)):
        assert "&lt;script&gt;alert(1)" in html
        assert "<script>alert(1)" not in html


def test_events_of_runs_come_on_demand(viewer: Client, job: Job) -> None:
    assert "pending → running" not in html_of(viewer, "job_events", job.pk)
    assert "pending → running" in html_of(viewer, "job_events", job.pk, runs="1", page="2")


def test_a_job_that_is_not_there_is_a_404(viewer: Client, demo: Demo) -> None:
    for name in ("job", "job_events", "job_groups", "job_compare"):
        assert viewer.get(reverse(name, args=[987654])).status_code == 404


def test_the_page_asks_as_often_for_many_dates_as_for_few(
    viewer: Client, job: Job, django_assert_max_num_queries: Any
) -> None:
    few, many = make_job(job, "paused"), make_job(job, "paused")
    for made, dates in ((few, 5), (many, 60)):
        Run.objects.bulk_create(
            Run(
                job=made,
                processor="TDZA",
                date=DAY + timedelta(days=365 * made.pk + n),
                batch=0,
                status="complete",
                population=1,
            )
            for n in range(dates)
        )
    viewer.get(reverse("job", args=[few.pk]))
    with django_assert_max_num_queries(43) as asked:
        viewer.get(reverse("job", args=[few.pk]))
    with django_assert_max_num_queries(len(asked.captured_queries)):
        viewer.get(reverse("job", args=[many.pk]))


# Failures


def test_what_is_blocked_is_folded_under_its_root(job: Job) -> None:
    made = make_job(job)
    failed = make_run(made, "PSZA", DAY, "failed", reason="broken")
    blocked = [make_run(made, code, DAY, "blocked", reason="blocked") for code in ("PDC", "ML")]
    day = DAY + timedelta(1)
    alone = make_run(made, "TDZA", day, "failed", reason="broken too")
    found = {
        root.run.key: [r.processor for r in root.blocked]
        for root in roots([failed, *blocked, alone])
    }
    assert found == {("PSZA", DAY): ["PDC", "ML"], ("TDZA", day): []}
    assert job_outcome([failed, *blocked, alone], {}).blocked == 2


def test_a_run_that_has_no_verdict_counts_as_not_judged(viewer: Client, job: Job) -> None:
    made = make_job(job, "succeeded", finished_at=now())
    make_run(made, "TDZA", date(2030, 11, 20), "complete", population=3, rows=3)
    assert job_outcome(own_runs(made), {}).not_audited == 1
    assert "not audited yet" in html_of(viewer, "job", made.pk)


def test_a_run_replaced_before_its_audit_names_the_later_job(viewer: Client, job: Job) -> None:
    made, later = (make_job(job, "succeeded", finished_at=now()) for _ in range(2))
    for n, each in enumerate((made, later)):
        fields = {"population": 3, "rows": 3, "started_at": now() + timedelta(minutes=n)}
        make_run(each, "TDZA", date(2030, 11, 20), "complete", **fields)
    html = " ".join(html_of(viewer, "job", made.pk).split())
    assert (
        f'1 run superseded by <a href="{reverse("job", args=[later.pk])}">job {later.pk}</a>'
        in html
    )
    assert f"1 of them not audited: replaced by job {later.pk} before the audit." in html
    assert "not audited yet" not in html
    assert "superseded" not in html_of(viewer, "job", later.pk)


def stopped(like: Job, status: str, to_state: str, reason: str, **event: Any) -> Job:
    made = make_job(like, status, finished_at=now() if status in Job.ENDED else None)
    event = {"actor": "backcourt", "action": "a change", **event}
    Event.objects.create(job=made, to_state=to_state, reason=reason, **event)
    return made


def test_why_a_job_paused_itself_stands_under_its_name_with_the_run(
    viewer: Client, job: Job
) -> None:
    reason = "9 entities are bad"
    made = stopped(job, "paused", "pausing", reason, cause=EventCause.PAUSE_ON_ERROR)
    run = make_run(
        made,
        "PSZA",
        date(2030, 11, 20),
        "complete",
        population=218,
        rows=209,
        failures={"PROCESSING_ERROR": 9},
    )
    made.events.update(cause_run=run.pk)
    head = html_of(viewer, "job", made.pk).partition('<main id="content"')[0]
    assert reason in head
    assert f'href="/runs/{run.pk}/"' in head
    assert 'href="#groups"' in head


def test_why_a_job_failed_or_was_cancelled_stands_there_too(viewer: Client, job: Job) -> None:
    failed = stopped(job, "failed", "failed", "1 runs failed or were blocked")
    run = make_run(failed, "TDZA", date(2030, 11, 20), "failed", error="Oops", reason="it broke")
    head = html_of(viewer, "job", failed.pk).partition('<main id="content"')[0]
    assert f'href="/runs/{run.pk}/"' in head
    cancelled = stopped(job, "cancelled", "cancelling", "the wrong month", actor="otto")
    head = html_of(viewer, "job", cancelled.pk).partition('<main id="content"')[0]
    assert "<strong>the wrong month</strong> (otto)" in head
    assert stop_cause(make_job(job, "succeeded", finished_at=now())) is None


def test_the_cause_comes_with_the_pause(viewer: Client, job: Job) -> None:
    made = make_job(job)
    make_run(made, "TDZA", DAY + timedelta(3650), "pending")
    page = open_job(viewer, made)
    made.transition(
        ("running",), "pausing", actor="backcourt", reason="canary: TDZA 2031-11-08: broken"
    )
    assert "job-cause" in page.poll()
    assert "canary: TDZA 2031-11-08: broken" in page.html


NOTHING = "No open findings"


def test_before_it_is_judged_a_job_says_so_and_what_its_runs_say_already(
    viewer: Client, job: Job
) -> None:
    made = make_job(job)
    make_run(made, "TDZA", date(2030, 11, 20), "failed", error="Oops", reason="it broke")
    make_run(
        made,
        "PSZA",
        date(2030, 11, 20),
        "complete",
        population=9,
        rows=7,
        failures={"PROCESSING_ERROR": 2},
    )
    html = html_of(viewer, "job", made.pk)
    assert "Not audited yet" in html
    assert '<a href="#outcome">1 failed run</a>' in html
    assert '<a href="#groups">2 bugs</a>' in html
    assert NOTHING not in html
    SeasonAudit.objects.update_or_create(
        season=2030, defaults={"at": now(), "seconds": 1, "compared": 1, "unexplained": 0}
    )
    assert NOTHING not in html_of(viewer, "job", made.pk)


def test_a_cancelled_job_says_what_it_left_undone(viewer: Client, job: Job) -> None:
    made = stopped(job, "cancelled", "cancelling", "")
    make_run(made, "TDZA", date(2030, 11, 20), "complete", population=9, rows=9)
    make_run(made, "PSZA", date(2030, 11, 20), "cancelled")
    make_run(made, "PSZA", date(2030, 11, 21), "cancelled")
    SeasonAudit.objects.update_or_create(
        season=2030, defaults={"at": now(), "seconds": 1, "compared": 1, "unexplained": 0}
    )
    html = html_of(viewer, "job", made.pk)
    assert re.search(r"<dt>cancelled</dt>\s*<dd><a [^>]*>2</a></dd>", html)
    assert '<td class="num">0 / 2</td>' in html
    assert "2 runs cancelled." in html
    assert NOTHING not in html


def test_only_a_clean_job_that_was_judged_wants_nobody(viewer: Client, job: Job) -> None:
    made = make_job(job, "succeeded", finished_at=now())
    make_run(made, "TDZA", date(2030, 11, 20), "complete", population=9, rows=9)
    SeasonAudit.objects.update_or_create(
        season=2030,
        defaults={"at": now() + timedelta(1), "seconds": 1, "compared": 1, "unexplained": 0},
    )
    assert NOTHING in html_of(viewer, "job", made.pk)


def test_bugs_are_counted_apart_from_what_the_games_explain(viewer: Client, job: Job) -> None:
    runs = own_runs(job)
    found = job_outcome(runs, verdicts_of(runs))
    bugs = sum(run.failures.get("PROCESSING_ERROR", 0) for run in runs)
    assert (found.bugs, found.explained + found.bugs) == (bugs, found.entities)
    (category,) = (c for c in found.categories if c.category.is_bug)
    assert category.must_fail is None
    row = html_of(viewer, "job", job.pk).partition("PROCESSING_ERROR<")[2].partition("</tr>")[0]
    assert re.findall(r'<td class="num">(?:<(?:span|a) [^>]*>)?([\d,]+)', row)[:2] == [
        f"{bugs:,}",
        "0",
    ]


def test_a_group_names_who_has_the_error(viewer: Client, job: Job) -> None:
    group = next(g for g in groups_now(job) if g.what == "PROCESSING_ERROR")
    assert 1 <= len(group.entities) <= 3
    names = all_names(usual_season_year(group.dates[0]))
    shown = ", ".join(names[entity].name for entity in group.entities)
    assert shown in html_of(viewer, "job_groups", job.pk)


# Live


def test_a_poll_is_answered_204_while_nothing_changes(viewer: Client, job: Job) -> None:
    made = make_job(job)
    make_run(made, "TDZA", DAY + timedelta(3650), "pending")
    page = open_job(viewer, made)
    assert [page.poll(), page.poll()] == [{}, {}]


def test_the_first_failed_run_of_a_job_fetches_the_error_groups(viewer: Client, job: Job) -> None:
    made = make_job(job)
    make_run(made, "TDZA", DAY + timedelta(3650), "running")
    page = open_job(viewer, made)
    Run.objects.filter(job=made).update(reason="it broke", error="Oops")
    change(made.runs.get(), "failed")
    assert {"groups-version", "grid", "outcome", "next", "job-live", "title"} <= page.poll().keys()
    groups = reverse("job_groups", args=[made.pk])
    assert f'data-fetch="{groups}"' in page.html


def test_a_state_that_appears_is_in_the_legend(viewer: Client, job: Job) -> None:
    made = make_job(job)
    make_run(made, "TDZA", DAY + timedelta(3650), "pending")
    page = open_job(viewer, made)
    assert "blocked" not in legend(page.html)
    change(made.runs.get(), "blocked")
    assert "legend" in page.poll()
    assert "blocked" in legend(page.html)


def test_the_end_changes_the_buttons_the_failures_and_the_title(operator: Client, job: Job) -> None:
    made = make_job(job)
    make_run(made, "TDZA", DAY + timedelta(3650), "running")
    page = open_job(operator, made)
    assert f"▶ 0 % · Job {made.pk} · Backcourt</title>" in page.html
    Run.objects.filter(job=made).update(reason="it broke", error="Oops")
    change(made.runs.get(), "failed")
    made.transition(("running",), "failed", actor="backcourt", finished_at=now())
    assert {"job-state", "job-actions", "job-live", "title"} <= page.poll().keys()
    assert f"✖ Job {made.pk} · Backcourt</title>" in page.html
    assert "it broke" in page.html
    assert "Pause job" not in page.html
    assert f"Job {made.pk} has ended" in re.search(r'data-announce="([^"]+)"', page.html)[1]


def test_the_title_of_a_paused_and_a_finished_job(viewer: Client, job: Job) -> None:
    made = make_job(job, "paused")
    assert f"⚠ Job {made.pk} paused · Backcourt</title>" in html_of(viewer, "job", made.pk)
    ended = make_job(job, "succeeded", finished_at=now())
    assert f"✓ Job {ended.pk} · Backcourt</title>" in html_of(viewer, "job", ended.pk)


def test_a_job_that_stands_still_is_called_stalled_with_the_reason(
    viewer: Client, job: Job
) -> None:
    made = make_job(job)
    made.events.update(at=now() - timedelta(hours=1))
    assert "Stalled:" in html_of(viewer, "job", made.pk)


# Downloads and comparison


def test_the_report_has_a_row_per_run_and_nothing_that_a_spreadsheet_runs(
    viewer: Client, job: Job
) -> None:
    Run.objects.filter(pk=job.runs.earliest("date", "pk").pk).update(
        reason="=HYPERLINK(1)", worker="@x"
    )
    answer = viewer.get(reverse("job_report", args=[job.pk, "csv"]))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert len(rows) == job.runs.count()
    assert (rows[0]["why"], rows[0]["worker"]) == ("'=HYPERLINK(1)", "'@x")
    bad = next(r for r in rows if int(r["INSUFFICIENT_DATA"]))
    assert int(bad["failed"]) >= int(bad["INSUFFICIENT_DATA"])
    assert bad["expected"] != ""


def test_the_report_as_json_holds_summary_runs_and_events(viewer: Client, job: Job) -> None:
    found = viewer.get(reverse("job_report", args=[job.pk, "json"])).json()
    assert (found["job"], len(found["runs"]), len(found["events"])) == (
        job.pk,
        job.runs.count(),
        job.events.count(),
    )


def test_two_jobs_are_compared_per_category_and_per_date(viewer: Client, job: Job) -> None:
    day = date(2030, 11, 20)
    before, after = make_job(job, "failed"), make_job(job, "succeeded")
    make_run(before, "PSZA", day, "complete", population=9, failures={"PROCESSING_ERROR": 5})
    make_run(after, "PSZA", day, "complete", population=9, failures={"PROCESSING_ERROR": 2})
    picked = viewer.get(reverse("job_compare", args=[after.pk]), {"with": before.pk})
    assert picked["Location"] == f"/jobs/{before.pk}/compare/{after.pk}/"
    html = html_of(viewer, "job_comparison", before.pk, after.pk)
    cells = re.findall(r'<td class="num">(\d+)</td>', html)
    assert cells == ["5", "2", "3", "2", "0", "3", "2", "0"]
    assert "No common runs" in html_of(viewer, "job_comparison", job.pk, after.pk)


def test_a_job_is_compared_with_those_that_ran_its_dates_and_with_no_other(
    viewer: Client, job: Job
) -> None:
    one, other, stranger = (make_job(job, "failed") for _ in range(3))
    for made, day in ((one, 20), (other, 20), (stranger, 21)):
        make_run(made, "PSZA", date(2030, 11, day), "complete")
    html = html_of(viewer, "job_compare", one.pk)
    assert re.findall(r'<option value="(\d+)">', html) == [str(other.pk)]
    assert f"{Job.objects.count() - 2} more jobs ran different dates" in html
    for url, sentence in (
        (
            reverse("job_compare", args=[one.pk]) + "?with=abc",
            "With takes a whole number, not 'abc'",
        ),
        (
            reverse("job_compare", args=[one.pk]) + f"?with={one.pk}",
            f"Job {one.pk} cannot be compared with itself",
        ),
        (
            reverse("job_comparison", args=[one.pk, one.pk]),
            f"Job {one.pk} cannot be compared with itself",
        ),
    ):
        answer = viewer.get(url)
        assert answer.status_code == 422
        assert sentence in unescape(answer.content.decode())


def test_the_time_left_is_a_share_of_the_estimate_until_steps_are_measured(demo: Demo) -> None:
    job = Job.objects.get()
    job.status, job.estimate = Job.Status.RUNNING, {"low": 10.0, "high": 20.0}
    found = replace(progress(job, now()), total=10, ended=4, time_left=None)
    assert figures.time_left(found, job) == "6.0 s to 12 s"
    assert figures.time_left(replace(found, time_left=TimeLeft(3.0, 3.0)), job) == "3.0 s"
    job.estimate = {}
    assert figures.time_left(found, job) == "–"
