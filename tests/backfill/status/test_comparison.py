from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backfill.cli.job_text import comparison_text, job_text
from backfill.execution.inline import run_inline
from backfill.jobs.retry import retry_job
from backfill.jobs.retry_selection import Selection
from backfill.jobs.start import start_job
from backfill.models import Job, Run
from backfill.plan.planning import ALREADY_COMPLETE
from backfill.status.comparison import CategoryDelta, JobComparison, compare
from backfill.status.job_summary import summarize
from tests.seasons.tiny import FIRST, NIGHTS, SECOND, THIRD, break_on, make_options

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def make_job(runs: dict[tuple[str, date], dict[str, Any]], **fields: Any) -> Job:
    """Make a finished job with these runs."""
    options = make_options(NIGHTS[0], NIGHTS[-1]).as_json()
    job = Job.objects.create(
        options=options, actor="ann", code_version="1", batch_size=1, status="succeeded", **fields
    )
    Run.objects.bulk_create(
        Run(job=job, processor=code, date=day, batch=0, **{"status": "complete", **what})
        for (code, day), what in runs.items()
    )
    return job


def failing(**entities: int) -> dict[str, Any]:
    return {"failures": entities}


BROKE = {"status": "failed", "error": "StatementFailed", "reason": "it broke"}
BLOCKED = {"status": "blocked"}


def test_a_job_is_compared_run_by_run_and_category_by_category() -> None:
    before = make_job(
        {
            ("TDZA", FIRST): failing(INSUFFICIENT_DATA=2),
            ("PSZA", FIRST): failing(PROCESSING_ERROR=3, INSUFFICIENT_DATA=10),
            ("PCF", FIRST): BROKE,
            ("PDC", FIRST): BLOCKED,
            ("ML", FIRST): BLOCKED,
            ("TDZA", SECOND): {},
        }
    )
    after = make_job(
        {
            ("TDZA", FIRST): failing(INSUFFICIENT_DATA=2),
            ("PSZA", FIRST): failing(PROCESSING_ERROR=1, INSUFFICIENT_DATA=12),
            ("PCF", FIRST): {},
            ("PDC", FIRST): failing(UNKNOWN=1),
            ("ML", FIRST): BLOCKED,
            ("TDZA", THIRD): {},
        }
    )
    found = compare(before, after)
    assert found == JobComparison(
        before=before.pk,
        after=after.pk,
        compared=5,
        changes=(
            CategoryDelta(processor="ML", date=FIRST, what="blocked", before=1, after=1),
            CategoryDelta(processor="PCF", date=FIRST, what="failed", before=1, after=0),
            CategoryDelta(processor="PDC", date=FIRST, what="blocked", before=1, after=0),
            CategoryDelta(processor="PDC", date=FIRST, what="UNKNOWN", before=0, after=1),
            CategoryDelta(processor="PSZA", date=FIRST, what="PROCESSING_ERROR", before=3, after=1),
            CategoryDelta(
                processor="PSZA", date=FIRST, what="INSUFFICIENT_DATA", before=10, after=12
            ),
            CategoryDelta(
                processor="TDZA", date=FIRST, what="INSUFFICIENT_DATA", before=2, after=2
            ),
        ),
        only_before=(("TDZA", SECOND),),
        only_after=(("TDZA", THIRD),),
        undecided=(),
    )
    assert found.totals() == {
        "blocked": {"before": 2, "after": 1, "healed": 1, "remaining": 1, "new": 0},
        "failed": {"before": 1, "after": 0, "healed": 1, "remaining": 0, "new": 0},
        "PROCESSING_ERROR": {"before": 3, "after": 1, "healed": 2, "remaining": 1, "new": 0},
        "UNKNOWN": {"before": 0, "after": 1, "healed": 0, "remaining": 0, "new": 1},
        "INSUFFICIENT_DATA": {"before": 12, "after": 14, "healed": 0, "remaining": 12, "new": 2},
    }
    assert found.counts("new") == {"UNKNOWN": 1, "INSUFFICIENT_DATA": 2}


def test_only_what_is_not_expected_makes_a_job_worse() -> None:
    clean = make_job({("PSZA", FIRST): {}})
    expected = make_job(
        {("PSZA", FIRST): failing(INSUFFICIENT_DATA=2, MISSING_DEPENDENCY=1, INCOMPLETE_DATA=1)}
    )
    for worse in (failing(UNKNOWN=1), failing(PROCESSING_ERROR=1), BROKE, BLOCKED):
        job = make_job({("PSZA", FIRST): worse})
        assert (
            compare(clean, job).is_worse,
            compare(job, clean).is_worse,
            compare(job, job).is_worse,
        ) == (True, False, False)
    assert compare(clean, expected).is_worse is False


def test_what_one_of_them_has_not_run_to_an_end_is_neither_healed_nor_new() -> None:
    broken = make_job({(code, FIRST): BROKE for code in ("TDZA", "PSZA", "PCF")})
    states = {"TDZA": "pending", "PSZA": "running", "PCF": "cancelled"}
    other = make_job({(code, FIRST): {"status": status} for code, status in states.items()})
    found = compare(broken, other)
    assert (found.compared, found.changes) == (0, ())
    assert found.undecided == (("PCF", FIRST), ("PSZA", FIRST), ("TDZA", FIRST))


def test_what_was_cancelled_and_is_complete_is_healed() -> None:
    before, after = (
        make_job({("PSZA", FIRST): {"status": "cancelled"}}),
        make_job({("PSZA", FIRST): {}}),
    )
    assert compare(before, after).changes == (
        CategoryDelta(processor="PSZA", date=FIRST, what="cancelled", before=1, after=0),
    )


def test_what_a_job_left_alone_is_not_of_it() -> None:
    before = make_job({("PSZA", FIRST): BROKE})
    after = make_job(
        {
            ("PSZA", FIRST): {
                "status": "skipped",
                "skip_reason": "already complete",
                "reason": ALREADY_COMPLETE,
            }
        }
    )
    assert compare(before, after) == JobComparison(
        before=before.pk,
        after=after.pk,
        compared=0,
        changes=(),
        only_before=(("PSZA", FIRST),),
        only_after=(),
        undecided=(),
    )


def test_bootstrap_dates_are_neither_healed_nor_new() -> None:
    skipped = make_job(
        {
            ("PSZA", FIRST): {
                "status": "skipped",
                "reason": "bootstrap: day 3, processing starts on day 14",
            }
        }
    )
    found = compare(skipped, make_job({("PSZA", FIRST): {}}))
    assert (found.compared, found.changes) == (1, ())


def test_comparing_costs_one_query_whatever_the_size() -> None:
    small = make_job({("PSZA", FIRST): BROKE})
    large = make_job({(code, day): BROKE for code in ("PSZA", "ML") for day in NIGHTS})
    for jobs in ((small, small), (small, large), (large, large)):
        with CaptureQueriesContext(connection) as captured:
            compare(*jobs)
        assert len(captured) == 1


@pytest.mark.usefixtures("season")
def test_a_retry_says_what_it_healed_what_remains_and_what_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_on(monkeypatch, "TDZA", FIRST, SECOND)
    started = start_job(
        make_options(FIRST, SECOND, processors=("TDZA", "PSZA", "PCF")), "ann", inline=True
    )
    assert started
    job = run_inline(started, "ann")
    assert (summarize(job)["retry_of"], summarize(job)["retried"]) == (None, None)
    monkeypatch.undo()
    break_on(monkeypatch, "TDZA", SECOND)
    again = run_inline(retry_job(job, Selection(override=True), "bob", "fixed", inline=True), "bob")
    summary = summarize(again)
    assert (summary["retry_of"], summary["retried"]) == (
        job.pk,
        {
            "healed": {"blocked": 1, "failed": 1},
            "remaining": {"blocked": 1, "failed": 1},
            "new": {"INSUFFICIENT_DATA": 2},
        },
    )
    line = "fixed: 1 blocked, 1 failed; remaining: 1 blocked, 1 failed; new: 2 INSUFFICIENT_DATA"
    assert job_text(summary).splitlines()[2] == f"retry of job {job.pk}: {line}"


def test_jobs_without_common_runs_are_not_compared() -> None:
    before = make_job({("PSZA", FIRST): failing(INSUFFICIENT_DATA=3)})
    after = make_job({("PSZA", SECOND): failing(INSUFFICIENT_DATA=2)})
    text = comparison_text(compare(before, after))
    assert text.splitlines()[-1] == "no common runs to compare"
