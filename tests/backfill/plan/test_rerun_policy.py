from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from backfill.errors import Refused
from backfill.jobs.lifecycle import cancel_job
from backfill.jobs.retry import preview_retry, retry_job
from backfill.jobs.retry_selection import Selection
from backfill.jobs.start import preview_job, start_job
from backfill.models import Job, Run
from backfill.plan.options import Options
from backfill.plan.preflight import check_range
from backfill.plan.rerun_policy import failed_dates
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import BOOTSTRAP, FIRST, LAST, SECOND, THIRD, break_on, make_options, part

pytestmark = [
    pytest.mark.shell,
    pytest.mark.django_db,
    pytest.mark.usefixtures("season"),
    pytest.mark.database,
]
FEW = (BOOTSTRAP[-1], FIRST, THIRD)
CODES = ("TDZA", "PSZA", "PCF")


def decided(options: Options) -> dict[tuple[str, date], tuple[str, str]]:
    """Return a preview's (action, reason) per (processor, date)."""
    return {r.key: (str(r.action), r.reason) for r in preview_job(options).plan.runs}


def of_dates(*dates: date, **overrides: object) -> Options:
    fields = {
        "canary": False,
        "brake": False,
        "processors": CODES,
        "batch_size": len(dates),
        **overrides,
    }
    return Options.of_dates(dates, **fields)


def test_dates_with_bugs_among_their_failures_are_failed_dates_too() -> None:
    job = start_job(of_dates(FIRST, SECOND), "ann")
    assert job
    run_all(job)
    assert failed_dates(FIRST, LAST) == []
    job.runs.filter(date=SECOND, processor="PSZA").update(
        failures={"INSUFFICIENT_DATA": 3, "PROCESSING_ERROR": 1}
    )
    assert failed_dates(FIRST, LAST) == [SECOND]


# Date lists


def test_only_the_dates_named_are_run_and_nothing_between_them() -> None:
    job = start_job(of_dates(*FEW, batch_size=1), "ann")
    assert job
    assert run_all(job).status == "succeeded"
    assert sorted(set(job.runs.values_list("date", flat=True))) == list(FEW)
    assert job.batches.count() == 3
    assert {day for _, day in decided(of_dates(*FEW))} == set(FEW)
    assert start_job(of_dates(*FEW), "ann") is None


def test_the_check_looks_at_the_dates_named_alone() -> None:
    report = check_range(of_dates(*FEW))
    assert [state.day.day for state in report.dates] == list(FEW)


def test_two_jobs_may_have_dates_of_the_same_range() -> None:
    first, second = (
        start_job(of_dates(*dates), "ann") for dates in ((FIRST, THIRD), (SECOND, LAST))
    )
    assert first
    assert second
    held = f"job {first.pk} (ann, queued) holds 3 runs of this range; wait for it or cancel it"
    assert held in [
        item.sentence for item in preview_job(of_dates(FIRST, processors=CODES)).report.items
    ]


def test_dates_without_a_game_are_refused_as_a_list() -> None:
    sentence = "no games on any of 2 dates from 2021-12-01 to 2021-12-24, so nothing to backfill"
    with pytest.raises(Refused, match=sentence):
        preview_job(of_dates(date(2021, 12, 1), date(2021, 12, 24)))


def test_a_retry_keeps_the_dates_of_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        break_on(broken, "PSZA", THIRD)
        job = start_job(of_dates(*FEW), "ann")
        assert job
        assert run_all(job).status == "failed"
    again = retry_job(job, Selection(override=True), "ann", "mended")
    assert again.parsed_options.dates == FEW
    assert set(again.runs.values_list("date", flat=True)) == {THIRD}


# Failed only


@pytest.fixture
def failed_job(monkeypatch: pytest.MonkeyPatch) -> Job:
    """Make a job in which PSZA failed on the third date, which blocks PCF.

    Earlier dates are complete, later ones have no runs.
    """
    with monkeypatch.context() as broken:
        break_on(broken, "PSZA", THIRD)
        return run_all(make_job(end=THIRD, processors=CODES, batch_size=3))


def test_only_what_failed_runs_with_the_job_in_which_it_did(failed_job: Job) -> None:
    found = decided(make_options(failed=True, processors=CODES))
    assert found["PSZA", THIRD] == ("run", f"newest run failed (job {failed_job.pk})")
    assert found["PCF", THIRD] == ("run", f"newest run was blocked (job {failed_job.pk})")
    assert found["PCF", FIRST] == found["TDZA", THIRD] == ("keep", "already complete")
    assert found["TDZA", LAST] == ("leave", "not complete, but no failure either")
    job = start_job(make_options(failed=True, processors=CODES), "ann")
    assert job
    assert run_all(job).status == "succeeded"
    assert start_job(make_options(failed=True, processors=CODES), "ann") is None
    assert not Run.objects.filter(date=LAST).exists()


def test_what_was_cancelled_and_not_made_since_is_taken_as_failed(failed_job: Job) -> None:
    job = make_job(start=LAST, processors=CODES)
    cancel_job(job, "ann")
    assert decided(make_options(failed=True, processors=CODES))["PSZA", LAST] == (
        "run",
        f"run was cancelled (job {job.pk})",
    )
    run_all(make_job(start=LAST, processors=CODES))
    assert decided(make_options(failed=True, processors=CODES))["PSZA", LAST] == (
        "keep",
        "already complete",
    )


def test_what_is_complete_and_lost_is_taken_as_failed(failed_job: Job, season: Path) -> None:
    shutil.rmtree(part(season, "TDZA", SECOND).parent)
    found = decided(make_options(failed=True, processors=CODES))
    assert found["TDZA", SECOND] == ("run", "complete, but its output is lost")
    assert found["PCF", SECOND] == ("run", "upstream reruns: TDZA")
    assert preview_job(make_options(failed=True, processors=CODES)).overwrites == 1


def test_the_dates_that_failed_are_known(failed_job: Job) -> None:
    assert failed_dates(BOOTSTRAP[0], LAST) == [THIRD]
    assert failed_dates(BOOTSTRAP[0], SECOND) == []


def test_a_preview_counts_what_it_would_overwrite(failed_job: Job) -> None:
    assert preview_job(make_options(processors=CODES)).overwrites == 0
    assert preview_job(make_options(processors=CODES, force=True)).overwrites == 7
    assert preview_retry(failed_job, Selection(override=True)).overwrites == 0
