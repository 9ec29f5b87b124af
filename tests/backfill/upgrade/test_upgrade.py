"""Upgrades from the version before the state columns keep every job, run, event and finding.

That version made the stored database (README.md); the expected values are its own answers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from sqlite3 import Connection

import pytest

from backfill.audit import evidence
from backfill.models import (
    Event,
    EventCause,
    EventKind,
    Finding,
    Job,
    Launch,
    Limits,
    Notice,
    Run,
    SkipReason,
)
from backfill.plan import rerun_policy
from backfill.status import attention as attention_list
from backfill.status import job_outcome
from backfill.status.progress import progress
from backfill.warehouse.tables import PGS, UPGC
from tests.backfill.upgrade.stored import ANSWERS, AT, upgraded
from validation.findings import kinds
from validation.findings.kinds import BY_NAME
from validation.findings.kinds import FindingDraft as Found
from webapp.models import Token, User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

START, END = date(2021, 10, 19), date(2022, 6, 30)
BY_PERSON = 12  # a person's reason, mistaken by that version for its own


@pytest.fixture
def stored() -> Iterator[Connection]:
    with upgraded() as found:
        yield found


def rows(stored: Connection, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in stored.execute(sql)]


def by_job(name: str) -> dict[int, object]:
    return {int(number): answer for number, answer in ANSWERS[name].items()}


def jobs() -> list[Job]:
    return list(Job.objects.order_by("pk"))


def test_an_upgraded_database_is_read_as_before(stored: Connection) -> None:
    """Single test, because migrating back and forth takes longer than all its checks."""
    check_kept(stored)
    check_jobs()
    check_runs()
    check_events(stored)
    check_findings(stored)
    check_launches(stored)


def check_kept(stored: Connection) -> None:
    """Assert that no row is lost and that renamed values are converted."""
    for model in (Job, Run, Event, Finding, Launch, Notice, User, Token):
        table = model._meta.db_table
        assert rows(stored, f"SELECT id FROM {table} ORDER BY id") == [
            (o.pk,) for o in model.objects.order_by("pk")
        ], table
    jobs_then = rows(stored, "SELECT id, status, who, why, parallel FROM backfill_job ORDER BY id")
    assert jobs_then == list(
        Job.objects.order_by("pk").values_list("pk", "status", "actor", "reason", "max_in_flight")
    )
    runs_then = rows(
        stored, "SELECT id, status, why, error, inputs, losses FROM backfill_run ORDER BY id"
    )
    names = ("pk", "status", "reason", "error", "input_signature", "losses")
    assert runs_then == list(Run.objects.order_by("pk").values_list(*names))
    events_then = rows(stored, "SELECT id, who, what, why FROM backfill_event ORDER BY id")
    assert events_then == list(
        Event.objects.order_by("pk").values_list("pk", "actor", "action", "reason")
    )
    (limit,), (told,) = (
        rows(stored, "SELECT changed_to FROM backfill_limits"),
        rows(stored, "SELECT told FROM backfill_notice"),
    )
    assert limit == (Limits.current().max_parallel_override,)
    assert json.loads(str(told[0])) == Notice.objects.get().delivered_to
    first, last = rows(stored, "SELECT first, last FROM backfill_batch ORDER BY id")[0]
    batch = Job.objects.earliest("pk").batches.earliest("pk")
    assert (str(first), str(last)) == (str(batch.first_date), str(batch.last_date))
    assert list(User.objects.order_by("pk").values_list("username", "role")) == [
        ("ann", "operator"),
        ("bob", "operator"),
        ("vera", "viewer"),
        ("ada", "admin"),
    ]


def reason(state: str, text: str) -> object:
    """Return a stored reason, or the minutes of a stall, because that sentence has changed."""
    return re.findall(r"\d+", text) if state == attention_list.STALLED else text


def check_jobs() -> None:
    """Compare attention, stop reasons, active seconds and counts of jobs."""
    attention = [
        [item.job.pk, item.state, reason(item.state, item.reason)]
        for item in attention_list.attention_items(AT)
    ]
    before = [
        [number, state, reason(state, text)]
        for number, state, text in ANSWERS["attention"]
        if number != BY_PERSON
    ]
    assert attention == before
    stops = by_job("stops")
    for job in jobs():
        cause = attention_list.stop_cause(job)
        key = cause and cause.key and [cause.key[0], str(cause.key[1])]
        found = cause and [cause.reason, cause.actor, cause.by_itself, key]
        assert found == (
            ["brake: my own", "ada", False, None] if job.pk == BY_PERSON else stops[job.pk]
        ), job
    assert {job.pk: round(job.active_seconds(AT), 3) for job in jobs()} == by_job("active_seconds")
    assert {job.pk: progress(job, AT).counts for job in jobs()} == by_job("counts")


def check_runs() -> None:
    """Compare skip reasons, refusals and the subjects of errors."""
    assert (
        sorted(run.pk for run in Run.objects.deciding(START, END).values()) == ANSWERS["decisive"]
    )
    assert len(Run.objects.done(START, END)) == ANSWERS["done"]
    own = [run for job in jobs() for run in job_outcome.own_runs(job)]
    assert (
        sum(job_outcome.state_of(run, None) == "bootstrap" for run in own) == ANSWERS["bootstrap"]
    )
    assert sorted(run.pk for run in own if run.waits_for_upstream) == ANSWERS["waits_for_upstream"]
    refused = [run.pk for run in Run.objects.order_by("pk") if run.is_refused_for_upstream]
    assert refused == ANSWERS["refused_for_upstream"]
    told = Counter(
        (r.status, r.skip_reason, r.refused_by, tuple(sorted(r.error_detail)))
        for r in Run.objects.all()
    )
    assert {key: n for key, n in told.items() if any(key[1:])} == {
        ("skipped", SkipReason.ALREADY_COMPLETE, "", ()): 11,
        ("skipped", SkipReason.BOOTSTRAP, "", ()): 70,
        ("failed", "", "defensive", ("upstream",)): 2,
        ("failed", "", "freshness", ("source",)): 1,
        ("failed", "", "population", ("source",)): 6,
        ("failed", "", "", ("date", "file", "table")): 1,
        ("blocked", "", "", ("blocked_by",)): 6,
    }
    assert set(
        Run.objects.filter(status="blocked").values_list("error_detail__blocked_by", flat=True)
    ) == {"TDZA", "PCF", "PDC"}
    corrupt = Run.objects.get(error="CorruptPartition")
    maker = Run(processor="PSZA", date=date(2022, 1, 19))
    assert rerun_policy.damaged(corrupt, {("PSZA", date(2022, 1, 19)): maker}) == (
        "PSZA",
        date(2022, 1, 19),
    )
    assert rerun_policy.damaged(corrupt, {}) is None


def check_events(stored: Connection) -> None:
    """Compare kinds, states and causes."""
    for number, what in rows(stored, "SELECT id, what FROM backfill_event"):
        event = Event.objects.get(pk=number)
        if event.kind == EventKind.TRANSITION:
            assert f"{event.from_state} → {event.to_state}" == what
        elif event.kind == EventKind.CREATED:
            assert ("", event.to_state) == (event.from_state, what)
        else:
            assert (event.from_state, event.to_state) == ("", ""), what
    others = Event.objects.exclude(kind__in=(EventKind.TRANSITION, EventKind.CREATED))
    assert Counter(others.values_list("kind", flat=True)) == {
        EventKind.CONCURRENCY_LIMIT: 2,
        EventKind.REQUEUE: 5,
        EventKind.PREFLIGHT_OVERRIDE: 3,
        EventKind.APPROVAL: 1,
        EventKind.FORCE_CANCEL: 1,
        EventKind.PAUSE_ON_ERROR: 1,
    }
    pauses = Event.objects.filter(run=None, to_state="pausing").order_by("job")
    found = {
        e.job_id: (e.cause, e.cause_run and (e.cause_run.processor, str(e.cause_run.date)))
        for e in pauses
    }
    assert found == {
        5: (EventCause.PAUSE_ON_ERROR, ("TDZA", "2021-12-26")),
        6: (EventCause.CANARY, ("PSZA", "2021-12-26")),
        7: (EventCause.ERROR, None),
        8: (EventCause.ERROR, None),
        9: (EventCause.INTERRUPT, None),
        10: (EventCause.PROCESS_ENDED, None),
        11: (EventCause.OPERATOR, None),
        12: (EventCause.OPERATOR, None),
        27: (EventCause.OPERATOR, None),
        30: (EventCause.PAUSE_ON_ERROR, ("TDZA", "2022-02-05")),
        37: (EventCause.PAUSE_ON_ERROR, ("TDZA", "2022-02-17")),
    }
    of_runs = Event.objects.exclude(run=None).exclude(cause="")
    assert Counter(of_runs.values_list("to_state", "cause")) == {
        ("pending", EventCause.WORKER_LOST): 5,
        ("failed", EventCause.WORKER_LOST): 1,
        ("pending", EventCause.RETRY): 1,
        ("pending", EventCause.ERROR): 1,
        ("pending", EventCause.OPERATOR): 1,
        ("cancelled", EventCause.OPERATOR): 12,
        ("cancelled", EventCause.PROCESS_ENDED): 2,
    }


def check_findings(stored: Connection) -> None:
    """Compare states and marks; evidence keys yield the stored query."""
    then = rows(
        stored,
        "SELECT id, kind, state, subject, sentence, note, marked_by FROM backfill_finding ORDER BY id",
    )
    assert then == list(
        Finding.objects.order_by("pk").values_list(
            "pk", "kind", "state", "subject", "sentence", "note", "marked_by"
        )
    )
    kept = {f.kind: f.evidence for f in Finding.objects.order_by("-pk") if f.evidence}
    assert kept == {
        "impossible value": {
            "rows": [
                {
                    "table": "PGS",
                    "entity": "jomirmarkilin",
                    "date": "2021-11-13",
                    "game_id": "0022100185",
                }
            ]
        },
        "column jump": {"table": "PGS", "columns": ["mid_range_attempts", "mid_range_makes"]},
        "Phase 3 missing": kept["Phase 3 missing"],
        "low coverage": {"tables": [str(PGS), str(UPGC)]},
        "duplicate input": kept["duplicate input"],
    }
    assert len(kept["Phase 3 missing"]["tables"]) == 5
    assert len(kept["duplicate input"]["tables"]) == 3
    asked = [f for f in Finding.objects.exclude(kind=kinds.BUG.name) if f.evidence]
    assert [evidence.query(as_found(f), START) for f in asked] == [f.query for f in asked]


def as_found(finding: Finding) -> Found:
    """Return the Finding as an audit reports it."""
    return Found(
        kind=BY_NAME[finding.kind],
        season=finding.season,
        subject=finding.subject,
        sentence="another sentence",
        dates=tuple(map(date.fromisoformat, finding.dates)),
        processors=tuple(finding.processors),
        evidence=finding.evidence,
    )


def check_launches(stored: Connection) -> None:
    """Compare presets and launches in every state."""
    then = rows(
        stored,
        "SELECT id, name, state, who, approved_by, said, job_id FROM backfill_launch ORDER BY id",
    )
    names = ("pk", "name", "state", "actor", "approved_by", "outcome_message", "job")
    assert then == list(Launch.objects.order_by("pk").values_list(*names))
    decided = Event.objects.filter(launch__isnull=False, cause=EventCause.OPERATOR).order_by("pk")
    assert [event.to_state for event in decided] == ["withdrawn", "refused", "withdrawn"]
