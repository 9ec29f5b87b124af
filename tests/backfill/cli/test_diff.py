"""`manage.py diff`: text, JSON and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.models import Job, Run
from backfill.processors.registry import CHAIN
from backfill.versions.job_diff import job_diff
from tests.backfill.shell import Shell
from tests.backfill.status.test_change_summary import lose_games_of_a_player
from tests.backfill.versions.test_replaced import correct
from tests.seasons.tiny import BOOTSTRAP, FIRST, LAST, PROCESSING, SECOND

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.shell,
    pytest.mark.usefixtures("season"),
]


def overwrite(shell: Shell, codes: str = ",".join(CHAIN)) -> Job:
    dates = ("--start", FIRST, "--end", LAST, "--batch-size", 4, "--no-canary", "--no-brake")
    done = shell.backfill(*dates, "--processors", codes, "--force", "--reason", "again")
    assert done.code == 0, done.err
    job = Job.objects.latest("pk")
    assert job.status == Job.Status.SUCCEEDED
    return job


@pytest.fixture
def corrected(shell: Shell, tmp_path: Path, season: Path) -> Job:
    overwrite(shell)
    correct(tmp_path, paint_attempts=19)
    return overwrite(shell)


def test_the_text_lists_the_runs_that_differ(shell: Shell, corrected: Job) -> None:
    answer = shell("diff", corrected.pk, "--processor", "psza")
    first, *rest = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert first == f"job {corrected.pk}: 4 runs, 3 of 8 rows changed"
    assert rest[0].split()[:3] == ["date", "processor", "added"]
    days = PROCESSING[1:]  # the first one has too few games for a trend
    assert [line.split()[:2] for line in rest[1:-1]] == [[str(day), "PSZA"] for day in days]
    assert rest[-1] == "1 run without a change"
    whole = shell("diff", corrected.pk).out
    assert f"job {corrected.pk}: 20 runs, " in whole
    assert " runs without a change" in whole
    assert "Columns:" not in whole


def test_columns_show_differences_and_an_example(shell: Shell, corrected: Job) -> None:
    answer = shell("diff", corrected.pk, "--processor", "PSZA", "--date", SECOND, "--columns")
    assert answer.code == 0
    [line] = [one for one in answer.out.splitlines() if " paint_rate_last_20 " in one]
    words = line.split()
    assert words[:3] == ["PSZA", "paint_rate_last_20", "1"]
    assert words[6] == str(SECOND)
    assert "→" in words


def test_json_has_the_same_numbers(shell: Shell, corrected: Job) -> None:
    document = shell("diff", corrected.pk, "--columns", "--json").document
    summary = job_diff(corrected).summary
    assert document["summary"]["rows"] == summary.rows._asdict()
    assert len(document["runs"]) == len(CHAIN) * len(PROCESSING)
    assert sum(run["rows"]["changed"] for run in document["runs"]) == summary.rows.changed
    changed = [one for one in document["entities"] if one["kind"] == "row"]
    assert len(changed) == summary.rows.different
    assert {one["processor"] for one in document["columns"]} == {"PSZA"}
    assert document["gone"] == []
    assert shell("diff", corrected.pk, "--json").document["columns"] is None


def test_appearing_failures_have_a_category_and_a_result(shell: Shell, tmp_path: Path) -> None:
    overwrite(shell)
    lose_games_of_a_player(tmp_path)
    job = overwrite(shell)
    failures = shell("diff", job.pk, "--columns", "--json").document["failures"]
    appeared = [one for one in failures if one["processor"] == "PSZA"]
    assert [(one["date"], one["category"], one["change"], one["entities"]) for one in appeared] == [
        (str(day), "INSUFFICIENT_DATA", "appeared", 1) for day in PROCESSING
    ]
    assert {one["result"] for one in failures} == {"not audited"}
    text = shell("diff", job.pk, "--columns").out
    assert "Failures:" in text
    assert "INSUFFICIENT_DATA" in text


def test_a_job_that_replaced_nothing_has_no_diff(shell: Shell) -> None:
    job = overwrite(shell, "PSZA")
    answer = shell("diff", job.pk, "--columns")
    assert (answer.code, answer.out) == (0, f"job {job.pk} replaced nothing\n")


def test_two_versions_of_a_date(shell: Shell, corrected: Job) -> None:
    run = Run.objects.get(job=corrected, processor="PSZA", date=SECOND)
    where = ("--processor", "PSZA", "--date", SECOND)
    answer = shell("diff", "--versions", run.replaced, "live", *where, "--json")
    assert (answer.code, answer.document["rows"]["changed"]) == (0, 1)
    same = shell("diff", "--versions", "live", run.fence, *where)
    assert (same.code, "Columns:" in same.out) == (0, False)


def test_invalid_requests_are_one_sentence(shell: Shell, corrected: Job, season: Path) -> None:
    number = corrected.pk
    day = BOOTSTRAP[0]
    refusals = {
        (99,): "job 99 does not exist; `manage.py jobs` lists the jobs",
        (): "name a job, or --versions OLD NEW with --processor and --date",
        (
            number,
            "--date",
            day,
        ): f"job {number} did not run {day}; it ran {FIRST} to {PROCESSING[-1]}",
        (number, "--date", "x"): "--date: 'x' is not a date; write it as YYYY-MM-DD",
        (number, "--processor", "X"): "--processor: unknown processor 'X'; choose from",
        ("--versions", 1, "live"): "--versions takes --processor and --date, and no job",
        ("--versions", 1, "live", "--processor", "PSZA", "--date", SECOND): (
            f"PSZA on {SECOND} has no such versions; `manage.py versions {SECOND}` lists them"
        ),
    }
    for words, sentence in refusals.items():
        answer = shell("diff", *words)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith(sentence), answer.err
        assert answer.err.count("\n") == 1
    psza = overwrite(shell, "PSZA")
    assert shell("diff", psza.pk, "--processor", "ML").err == (
        f"job {psza.pk} did not run ML; it ran PSZA\n"
    )


def test_versions_that_are_gone_are_refused_or_named(
    shell: Shell, corrected: Job, season: Path
) -> None:
    files = list((season / ".versions").rglob("*.parquet"))
    for kept in files:
        if str(SECOND) in str(kept):
            kept.unlink()
    some = shell("diff", corrected.pk, "--columns")
    assert (some.code, "Versions of " in some.out.splitlines()[-1]) == (0, True)
    one = shell("diff", corrected.pk, "--columns", "--date", SECOND)
    assert (one.code, one.err.startswith("Versions of ")) == (2, True)
    assert shell("diff", corrected.pk, "--date", SECOND).code == 0  # counted when it wrote
