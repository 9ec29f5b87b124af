"""Change summary of a job: counts of all its overwrites."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.cli.job_text import job_text
from backfill.models import Job, Run
from backfill.status.change_summary import change_summary
from backfill.status.job_summary import summarize
from backfill.warehouse.tables import PGS
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import NIGHTS, give, season_rows

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("season")]


def overwrite(*codes: str) -> Job:
    return run_all(make_job(processors=codes or ("TDZA", "PSZA"), force=True))


def lose_games_of_a_player(folder: Path) -> None:
    name = season_rows(PGS)[0]["player_lookup"]
    few = [row for row in season_rows(PGS, NIGHTS[:3]) if row["player_lookup"] == name]
    others = [row for row in season_rows(PGS) if row["player_lookup"] != name]
    give(PGS, [*few, *others], folder)


def test_a_job_that_replaced_nothing_has_no_changes() -> None:
    job = overwrite()
    assert change_summary(job) is None
    assert summarize(job)["changes"] is None
    assert "Changes" not in job_text(summarize(job))


def test_the_runs_of_a_job_are_counted_together(
    tmp_path: Path, django_assert_num_queries: object
) -> None:
    overwrite()
    lose_games_of_a_player(tmp_path)
    job = overwrite()
    with django_assert_num_queries(1):  # type: ignore[operator]
        found = change_summary(job)
    assert found
    counted = [run.changes for run in job.runs.all()]
    assert len(counted) == found.runs == 8
    for kind, counts in (("rows", found.rows), ("failures", found.failures)):
        assert list(counts) == [
            sum(column) for column in zip(*(c[kind] for c in counted), strict=True)
        ]
    assert found.rows.removed == found.failures.added == 4
    assert found.sentence == (
        f"8 runs, {found.rows.changed} of {found.rows.total} rows changed, 4 removed,"
        " 4 failures appeared"
    )
    assert f"Changes: {found.sentence}." in job_text(summarize(job))


def test_runs_whose_replaced_version_is_gone_are_named() -> None:
    overwrite("PSZA")
    Run.objects.update(fence=12)  # as if another write had come in between
    job = overwrite("PSZA")
    found = change_summary(job)
    assert found
    assert (found.runs, found.gone, found.rows.total) == (4, 4, 0)
    assert found.gone_sentence == "The replaced version of 4 runs is gone: not counted."
    assert found.gone_sentence in job_text(summarize(job))
