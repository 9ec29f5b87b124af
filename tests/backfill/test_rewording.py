"""No code parses messages: a story of faults, pauses, retries and audits has the same outcome with
reworded texts.
"""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import models

from backfill.audit.marking import listed, mark, run_audit
from backfill.execution import dispatch, execute
from backfill.execution.inline import run_inline
from backfill.jobs.lifecycle import cancel_job, pause_job, resume_job
from backfill.jobs.retry import preview_retry, retry_job
from backfill.jobs.retry_selection import Selection
from backfill.jobs.start import start_job
from backfill.models import Batch, Event, Finding, Job, Launch, Run
from backfill.status import attention, job_outcome
from backfill.status.comparison import compare
from backfill.status.failures import JobFailures
from backfill.status.job_summary import summarize
from backfill.status.season_grid import season_grid
from backfill.warehouse import warehouse
from backfill.warehouse.tables import PGS
from tests.backfill.working import run_all
from tests.seasons.tiny import (
    FIRST,
    LAST,
    NIGHTS,
    SECOND,
    THIRD,
    break_on,
    cut,
    give,
    make_options,
    part,
)
from tests.seasons.whole import EVERYBODY, Whole, whole_rows
from validation.findings import kinds

pytestmark = pytest.mark.django_db(transaction=True)

TEXTS: dict[type[models.Model], tuple[str, ...]] = {
    Event: ("action", "reason"), Run: ("reason",), Batch: ("reason",), Job: ("reason",),
    Launch: ("outcome_message", "needs_approval"), Finding: ("sentence", "cause", "note"),
}  # fmt: skip
SOMEBODY = EVERYBODY[0]


def reworded(text: str) -> str:
    """Change words and punctuation but no numbers."""
    return codecs.encode(text, "rot13").replace("→", "to").replace(": ", " - ")


@contextmanager
def rewording(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Reword every text written to the database or as the reason of a failure."""
    with patch.context() as within:
        for model, names in TEXTS.items():
            for name in names:
                _reword(within, model._meta.get_field(name))
        within.setattr(execute, "render", _with_other_reasons(execute.render))
        within.setattr("backfill.plan.planning.ALREADY_COMPLETE", "nothing new")
        yield


def _reword(patch: pytest.MonkeyPatch, field: Any) -> None:
    save = field.get_db_prep_save
    patch.setattr(
        field,
        "get_db_prep_save",
        lambda value, connection: save(_of(value), connection),
        raising=False,
    )


def _of(value: Any) -> Any:
    return reworded(value) if isinstance(value, str) else value


def _with_other_reasons(written: Callable[..., str]) -> Callable[..., str]:
    def other(code: str, part: str = "result") -> str:
        sql = written(code, part)
        return (
            f"SELECT * REPLACE (UPPER(failure_reason) AS failure_reason) FROM ({sql})"
            if part == "failures"
            else sql
        )

    return other


# The story


class Story:
    """Operator actions in a season with many faults; `facts` are the outcomes without texts."""

    def __init__(self, season: Path, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.season, self.folder, self.patch = season, folder, patch
        self.facts: list[tuple[str, object]] = []

    def tell(self) -> list[tuple[str, object]]:
        """Run every step of the story."""
        self.pause_on_error_and_resume()
        self.retry_what_broke()
        self.run_again_what_is_lost()
        self.read_a_damaged_partition()
        self.pause_and_cancel()
        self.be_refused_in_normal_mode()
        self.meet_an_impossible_value()
        return self.facts

    def pause_on_error_and_resume(self) -> None:
        with self.patch.context() as patch:
            break_on(patch, "TDZA", SECOND)
            job = self.inline(start=NIGHTS[12], brake=True, batch_size=1)
            self.note("paused by the brake", job)
            resume_job(job, "bob", "known", brake=False)
            job = run_all(job)
        self.note("failed", job)
        self.audit("the bug")
        self.note("audited", job)

    def retry_what_broke(self) -> None:
        broken = Job.objects.latest("pk")
        job = retry_job(broken, Selection(override=True), "ann", "fixed", inline=True)
        run_inline(job, "ann")
        self.note("retried", job)
        self.facts.append(("healed", compare(broken, job).totals()))
        self.audit("the bug is gone")

    def run_again_what_is_lost(self) -> None:
        part(self.season, "PSZA", THIRD).unlink()
        self.audit("a lost partition")
        self.note("run again", self.inline(failed=True))
        self.note(
            "kept", self.inline(start=NIGHTS[12], processors=("TDZA",), force=True, end=FIRST)
        )

    def read_a_damaged_partition(self) -> None:
        cut(part(self.season, "PSZA", THIRD))
        job = self.inline(start=THIRD, end=THIRD, processors=("PCF", "PDC"), force=True)
        self.note("damaged", job)
        left_out = preview_retry(job, Selection()).left_out
        self.facts.append(("waits", [(out.processor, out.what, out.retry) for out in left_out]))
        self.note("repaired", self.inline(start=THIRD, end=THIRD, failed=True))

    def pause_and_cancel(self) -> None:
        job = start_job(
            make_options(end=SECOND, processors=("TDZA",), force=True, batch_size=1), "bob"
        )
        assert job
        pause_job(job, "bob", "pause on error: TDZA 2021-11-02: so I say")
        self.note("paused by a person", Job.objects.get(pk=job.pk))
        cancel_job(job, "bob", "process ended")
        self.note("cancelled", Job.objects.get(pk=job.pk))
        resume_job(Job.objects.get(pk=job.pk), "ann")
        self.note("resumed", run_all(Job.objects.get(pk=job.pk)))

    def be_refused_in_normal_mode(self) -> None:
        one = {"start": LAST, "end": LAST, "force": True}
        self.note("too old", self.inline(mode="normal", processors=("PSZA",), **one))
        with self.patch.context() as patch:
            break_on(patch, "TDZA", LAST)
            self.inline(processors=("TDZA",), **one)
        self.note(
            "refused for its upstream", self.inline(mode="normal", processors=("PCF", "PDC"), **one)
        )
        self.note("all again", self.inline(**one))

    def meet_an_impossible_value(self) -> None:
        bad = {"points": -1}
        rows = [
            row | (bad if (row["player_lookup"], row["game_date"]) == (SOMEBODY, FIRST) else {})
            for row in whole_rows(PGS)
        ]
        give(PGS, rows, self.folder)
        self.note("a bad row", self.inline(start=SECOND, force=True))
        self.audit("a bad row")
        found = Finding.objects.get(kind=kinds.IMPOSSIBLE_VALUE.name, state="open")
        shown = [
            (row["player_lookup"], row["game_date"], row["points"])
            for row in warehouse().query(found.query)
        ]
        self.facts.append(("its evidence", (found.evidence, shown)))
        mark(found, Finding.State.EXPECTED, "ann", "known")
        self.audit("the bad row is expected")
        self.facts.append(("grid", season_grid(2021).counts()))

    # Outcomes

    def inline(self, **options: Any) -> Job:
        job = start_job(make_options(**options), "ann", inline=True)
        assert job
        return run_inline(job, "ann")

    def audit(self, when: str) -> None:
        run_audit()
        found = sorted(
            (f.kind, f.state, f.dates, f.processors, f.count) for f in listed(everything=True)
        )
        self.facts.append((f"findings: {when}", found))

    def note(self, when: str, job: Job) -> None:
        """Record every decision about a job and its runs."""
        stop, own = attention.stop_cause(job), job_outcome.own_runs(job)
        standing = JobFailures(job)
        document, numbers = (
            summarize(job),
            list(Job.objects.order_by("pk").values_list("pk", flat=True)),
        )
        self.facts += [
            (f"{when}: status", (job.status, stop and (stop.by_itself, stop.key))),
            (
                f"{when}: attention",
                [
                    (numbers.index(f.job.pk), f.state)
                    for f in attention.attention_items(job.created_at)
                ],
            ),
            (
                f"{when}: runs",
                [
                    (
                        r.key,
                        r.status,
                        job_outcome.state_of(r, None),
                        r.waits_for_upstream,
                        r.failures,
                    )
                    for r in own
                ],
            ),
            (
                f"{when}: roots",
                [
                    (root.run.key, [run.key for run in root.blocked])
                    for root in job_outcome.roots(own)
                ],
            ),
            (
                f"{when}: failures",
                [
                    (f.key, f.what, f.entities, f.verdict.retry)
                    for f in standing.failures(standing.own)
                ],
            ),
            (f"{when}: lost", sorted(standing.lost)),
            (
                f"{when}: skipped",
                [(p["processor"], p["dates"], p["skipped"]) for p in document["processors"]],
            ),
            (
                f"{when}: groups",
                [(g["processor"], g["what"], g["count"], g["dates"]) for g in document["groups"]],
            ),
            (f"{when}: was active", job.active_seconds(job.finished_at or job.created_at) > 0),
        ]


@pytest.fixture(autouse=True)
def nobody_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send nothing to Redis; the story runs the steps itself."""
    monkeypatch.setattr(dispatch.queue, "enqueue", lambda batch: None)
    monkeypatch.setattr(dispatch.queue, "enqueue_audit", lambda: None)


def test_the_story_goes_the_same_way_in_other_words(
    whole_jobs: Whole, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for name in ("as it is", "reworded"):
        season = tmp_path / name
        shutil.copytree(whole_jobs.loaded_season, season)
        settings.WAREHOUSE_URL = f"parquet:{season}"
        with rewording(monkeypatch) if name == "reworded" else nullcontext():
            told.append(Story(season, tmp_path, monkeypatch).tell())
            check_words(is_reworded=name == "reworded")
        call_command("flush", verbosity=0, interactive=False)
    for plain, other in zip(*told, strict=True):
        assert plain == other


def check_words(*, is_reworded: bool) -> None:
    """Assert that texts were reworded: no event, reason or sentence begins as in the code."""
    words = (
        Event.objects.filter(reason__startswith="pause on error: ").count()
        + Run.objects.filter(reason="already complete").count()
    )
    words += Finding.objects.filter(sentence__contains="PROCESSING_ERROR").count()
    assert (words == 0) == is_reworded
