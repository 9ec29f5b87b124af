"""Stored Findings: lifecycle across audits, marks and comments."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.utils.timezone import now

from backfill.audit.findings_store import SeasonFindings, keep
from backfill.audit.marking import audit_due, listed, mark, needs_attention
from backfill.errors import Refused
from backfill.execution.inline import run_inline
from backfill.jobs.start import start_job
from backfill.models import SYSTEM, Event, Finding, Job, SeasonAudit
from backfill.warehouse.tables import SCHED
from tests.backfill.execution.test_concurrency import ROUNDS, together
from tests.seasons.inputs import input_file
from tests.seasons.tiny import FIRST, LAST, SECOND, THIRD, cut, make_options, put
from validation.findings import kinds
from validation.findings.kinds import FindingDraft as Found
from validation.findings.kinds import ProposedBackfill, Severity

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.usefixtures("judged_after_jobs"),
]

EARLIER, LATER = now() - timedelta(hours=1), now() + timedelta(hours=1)


def make_found(*dates: date, subject: str = "PSZA", year: int = 2021, **given: Any) -> Found:
    """Make a Finding as an audit reports it, on the first date by default."""
    values = {
        "kind": kinds.LOST,
        "sentence": "a sentence",
        "processors": ("PSZA",),
        "count": 3,
        **given,
    }
    return Found(season=year, subject=subject, dates=dates or (FIRST,), **values)  # type: ignore[arg-type]


def judged(
    *found: Found, newest_run: datetime | None = None, seasons: tuple[int, ...] = (2021,)
) -> None:
    for season in seasons:
        keep(
            SeasonFindings(
                season=season,
                findings=[f for f in found if f.season == season],
                newest_run=newest_run,
            )
        )


def kept(*dates: date, **given: Any) -> Finding:
    """Return a newly opened Finding."""
    judged(make_found(*dates, **given))
    return Finding.objects.get()


def marked(state: str, *dates: date) -> Finding:
    return mark(kept(*dates), state, "ann", "because")


def states() -> dict[str, str]:
    return dict(Finding.objects.values_list("subject", "state"))


def history(finding: Finding) -> list[tuple[str, str, str]]:
    """Return the Finding's events as (kind, actor, reason)."""
    return list(finding.events.order_by("pk").values_list("action", "actor", "reason"))


# Opened, kept, closed


@pytest.mark.shell
def test_what_is_found_for_the_first_time_is_opened_with_all_that_is_known() -> None:
    began = now()
    evidence = {
        "numbers": {"rows": {"PGS": 3}},
        "evidence": {"tables": ["PGS"]},
        "query": "SELECT 1",
        "cause": "a cause",
    }
    action = ProposedBackfill(
        start=FIRST,
        end=LAST,
        processors=("PSZA", "PCF"),
        force=True,
        outdated=True,
        first="mend it",
        brake=False,
    )
    finding = kept(FIRST, THIRD, action=action, severity=Severity.NOTE, **evidence)
    command = f"manage.py backfill --start {FIRST} --end {LAST} --processors PSZA,PCF --force --stale --no-canary --no-pause-on-error"
    stored = Finding.objects.values().get()
    assert began <= stored.pop("found_at") <= stored.pop("seen_at") <= now()
    assert stored.pop("action") == {
        "start": str(FIRST),
        "end": str(LAST),
        "processors": ["PSZA", "PCF"],
        "force": True,
        "outdated": True,
        "brake": False,
        "first": "mend it",
        "command": command,
    }
    assert stored == {
        "id": finding.pk,
        "kind": "lost failure",
        "season": 2021,
        "subject": "PSZA",
        "rank": kinds.KINDS.index(kinds.LOST),
        "severity": 0,
        "sentence": "a sentence",
        "cause": "a cause",
        "dates": [str(FIRST), str(THIRD)],
        "first": FIRST,
        "last": THIRD,
        "processors": ["PSZA"],
        "count": 3,
        "numbers": {"rows": {"PGS": 3}},
        "evidence": {"tables": ["PGS"]},
        "query": "SELECT 1",
        "state": "open",
        "marked_by": "",
        "note": "",
        "marked_at": None,
        "root_id": None,
    }
    assert history(finding) == [("open", SYSTEM, "a sentence")]
    assert (finding.weight, finding.advice) == (
        Severity.NOTE,
        "No action: all failures are expected.",
    )
    assert str(finding) == f"finding {finding.pk}: a sentence"


def test_what_says_no_cause_and_no_action_has_those_of_its_kind() -> None:
    finding = kept()
    assert (finding.cause, finding.severity, finding.action) == (
        kinds.LOST.cause,
        Severity.PROBLEM,
        None,
    )


def test_what_is_found_again_is_the_same_row_with_the_new_numbers() -> None:
    finding = kept(FIRST)
    judged(make_found(FIRST, SECOND, sentence="another sentence", count=4, numbers={"rows": 2}))
    again = Finding.objects.get()
    assert (again.pk, again.sentence, again.count, again.numbers, again.dates, again.last) == (
        finding.pk, "another sentence", 4, {"rows": 2}, [str(FIRST), str(SECOND)], SECOND,
    )  # fmt: skip
    assert (again.state, again.found_at, len(history(again))) == ("open", finding.found_at, 1)
    assert again.seen_at > finding.seen_at


def test_other_kinds_seasons_and_subjects_are_other_findings() -> None:
    found = [
        make_found(),
        make_found(subject="PDC"),
        make_found(kind=kinds.UNEXPLAINED),
        make_found(year=2022),
    ]
    judged(*found, seasons=(2021, 2022))
    judged(*found, seasons=(2021, 2022))
    assert Finding.objects.count() == 4


def test_a_finding_closes_when_its_evidence_is_gone_and_opens_when_it_returns() -> None:
    finding = kept()
    judged()
    judged()
    assert states() == {"PSZA": "closed"}
    judged(make_found())
    again = Finding.objects.get()
    assert (again.pk, again.state) == (finding.pk, "open")
    assert again.found_at > finding.found_at
    assert history(again) == [
        ("open", SYSTEM, "a sentence"),
        ("open → closed", SYSTEM, "evidence gone"),
        ("closed → open", SYSTEM, "evidence returned"),
    ]


def test_only_the_seasons_that_were_judged_are_touched() -> None:
    judged(make_found(), make_found(year=2022, subject="of 2022"), seasons=(2021, 2022))
    judged(seasons=(2022,))
    assert states() == {"PSZA": "open", "of 2022": "closed"}


@pytest.mark.parametrize("state", Finding.MARKS)
def test_a_marked_finding_closes_too_and_opens_again(state: str) -> None:
    finding = marked(state)
    judged()
    assert states() == {"PSZA": "closed"}
    judged(make_found())
    assert states() == {"PSZA": "open"}
    assert [what for what, _, _ in history(finding)] == [
        "open",
        f"open → {state}",
        f"{state} → closed",
        "closed → open",
    ]


def test_findings_are_listed_worst_first() -> None:
    judged(
        make_found(subject="a", kind=kinds.SLOW),
        make_found(SECOND, subject="b"),
        make_found(FIRST, subject="c"),
        make_found(subject="d", kind=kinds.OUT_OF_BAND),
        make_found(LAST, subject="e", kind=kinds.BUG),
    )
    assert [f.subject for f in listed()] == ["e", "c", "b", "a", "d"]


def test_a_range_lists_what_has_a_date_in_it() -> None:
    judged(
        make_found(FIRST, SECOND, subject="early"),
        make_found(SECOND, THIRD, subject="middle"),
        make_found(LAST, subject="late"),
    )
    assert [f.subject for f in listed(None, FIRST)] == ["early"]
    assert [f.subject for f in listed(SECOND, SECOND)] == ["early", "middle"]
    assert [f.subject for f in listed(THIRD)] == ["middle", "late"]


# Marks


def test_what_is_acknowledged_stays_listed_and_wants_nobody() -> None:
    finding = marked("acknowledged")
    judged(make_found(FIRST, SECOND, LAST), newest_run=LATER)
    assert (listed(), states()) == ([finding], {"PSZA": "acknowledged"})
    assert not needs_attention(listed())
    assert history(finding)[1:] == [("open → acknowledged", "ann", "because")]


def test_what_is_open_wants_somebody_unless_it_is_a_note() -> None:
    judged(make_found(kind=kinds.OUT_OF_BAND))
    assert not needs_attention(listed())
    judged(make_found(kind=kinds.SLOW))
    assert needs_attention(listed())


def test_what_is_expected_is_silent_as_long_as_it_is_found_on_no_more_dates() -> None:
    finding = marked("expected", FIRST, SECOND)
    for dates in ((FIRST, SECOND), (FIRST,), (FIRST, SECOND)):
        judged(make_found(*dates, count=9), newest_run=LATER)
        assert (listed(), listed(everything=True)) == ([], [finding])
    finding.refresh_from_db()
    assert (finding.state, finding.dates, finding.count) == (
        "expected",
        [str(FIRST), str(SECOND)],
        9,
    )


def test_what_is_expected_opens_when_it_is_found_on_another_date() -> None:
    finding = marked("expected", FIRST, THIRD)
    judged(make_found(FIRST, SECOND, LAST))
    finding.refresh_from_db()
    assert (finding.state, finding.dates) == ("open", [str(FIRST), str(SECOND), str(LAST)])
    assert history(finding)[-1] == (
        "expected → open",
        SYSTEM,
        f"marked expected, but present on 2 more dates, first {SECOND}",
    )


def test_what_is_marked_again_is_held_against_the_dates_that_it_had_then() -> None:
    finding = marked("expected", FIRST)
    judged(make_found(FIRST, SECOND))
    finding.refresh_from_db()
    mark(finding, "expected", "ann", "that too")
    judged(make_found(FIRST, SECOND))
    assert states() == {"PSZA": "expected"}


def test_what_is_fixed_opens_only_when_a_newer_run_still_shows_it() -> None:
    finding = marked("fixed")
    for newest_run in (None, EARLIER):
        judged(make_found(), newest_run=newest_run)
        assert (listed(), states()) == ([], {"PSZA": "fixed"})
    judged(make_found(), newest_run=LATER)
    finding.refresh_from_db()
    assert finding.state == "open"
    assert history(finding)[-1] == (
        "fixed → open",
        SYSTEM,
        "marked fixed, but still present after a newer run",
    )


def test_what_is_fixed_opens_when_it_is_found_on_another_date() -> None:
    marked("fixed", FIRST)
    judged(make_found(FIRST, SECOND), newest_run=EARLIER)
    assert states() == {"PSZA": "open"}


def test_what_is_not_found_where_something_is_being_run_is_not_closed() -> None:
    marked("expected", FIRST)
    keep(SeasonFindings(season=2021, findings=[], moving=frozenset({str(FIRST)})))
    assert states() == {"PSZA": "expected"}
    keep(SeasonFindings(season=2021, findings=[], moving=frozenset({str(SECOND)})))
    assert states() == {"PSZA": "closed"}


def test_what_is_left_of_a_range_is_the_same_finding_under_its_new_first_date() -> None:
    mark(kept(FIRST, SECOND, subject=f"{FIRST} games"), "expected", "ann", "because")
    judged(make_found(SECOND, subject=f"{SECOND} games"))
    assert states() == {f"{SECOND} games": "expected"}


def test_another_range_of_the_same_kind_is_another_finding() -> None:
    judged(
        make_found(FIRST, subject=f"{FIRST} games"), make_found(SECOND, subject=f"{SECOND} games")
    )
    judged(make_found(SECOND, subject=f"{SECOND} games"))
    assert states() == {f"{FIRST} games": "closed", f"{SECOND} games": "open"}


def test_a_mark_is_kept_with_who_when_and_why_and_taken_back_by_another() -> None:
    began = now()
    finding = marked("expected")
    assert (finding.state, finding.marked_by, finding.note) == ("expected", "ann", "because")
    assert finding.marked_at is not None
    assert began <= finding.marked_at <= now()
    mark(finding, "fixed", "bob", "mended")
    assert (finding.state, finding.marked_by, finding.note) == ("fixed", "bob", "mended")
    mark(finding, "open", "cid", "not so")
    assert (finding.state, finding.marked_by, finding.note, finding.marked_at) == (
        "open",
        "",
        "",
        None,
    )
    assert history(finding)[1:] == [
        ("open → expected", "ann", "because"),
        ("expected → fixed", "bob", "mended"),
        ("fixed → open", "cid", "not so"),
    ]


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_mark_without_a_reason_is_refused(reason: str) -> None:
    finding = kept()
    with pytest.raises(Refused, match="a reason is required: add --reason TEXT"):
        mark(finding, "expected", "ann", reason)
    assert (states(), len(history(finding))) == ({"PSZA": "open"}, 1)


@pytest.mark.parametrize("state", ["open", "acknowledged", "expected", "fixed"])
def test_the_same_mark_again_is_refused(state: str) -> None:
    finding = kept() if state == "open" else marked(state)
    with pytest.raises(Refused, match=f"finding {finding.pk} is already {state}"):
        mark(finding, state, "bob", "again")


@pytest.mark.parametrize("state", ["open", "acknowledged", "expected", "fixed"])
def test_what_is_closed_cannot_be_marked(state: str) -> None:
    finding = kept()
    judged()
    finding.refresh_from_db()
    with pytest.raises(
        Refused, match=f"finding {finding.pk} is closed: its evidence is gone; it reopens"
    ):
        mark(finding, state, "ann", "because")


def test_a_mark_of_what_somebody_else_has_changed_meanwhile_is_refused() -> None:
    finding = kept()
    mark(Finding.objects.get(), "fixed", "bob", "mended")
    with pytest.raises(
        Refused,
        match=f"another user just changed finding {finding.pk}; reload it and try again",
    ):
        mark(finding, "expected", "ann", "because")
    assert (states(), len(history(finding))) == ({"PSZA": "fixed"}, 2)


# Concurrent changes


@pytest.mark.django_db(transaction=True)
def test_two_judgements_at_once_make_one_row() -> None:
    for n in range(ROUNDS):
        assert together(*[partial(judged, make_found(subject=f"{n}"))] * 3) == [None] * 3
        assert Finding.objects.filter(subject=f"{n}").count() == 1
        assert Event.objects.filter(action="open", finding__subject=f"{n}").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_marks_at_once_one_is_refused() -> None:
    for n in range(ROUNDS):
        judged(make_found(subject=f"{n}"))
        ours, theirs = (Finding.objects.get(subject=f"{n}") for _ in range(2))
        found = together(
            partial(mark, ours, "fixed", "ann", "mended"),
            partial(mark, theirs, "expected", "bob", "as it is"),
        )
        (_,), (refused,) = (
            [f for f in found if isinstance(f, Finding)],
            [f for f in found if not isinstance(f, Finding)],
        )
        assert isinstance(refused, Refused), refused
        assert len(history(ours)) == 2


@pytest.mark.django_db(transaction=True)
def test_a_mark_while_it_is_judged_is_kept_or_closed_and_never_lost() -> None:
    for n in range(ROUNDS):
        judged(make_found(subject=f"{n}"))
        finding = Finding.objects.get(subject=f"{n}")
        together(judged, partial(mark, finding, "fixed", "ann", "mended"))
        judged()
        finding.refresh_from_db()
        assert finding.state == "closed"
        assert [what for what, _, _ in history(finding)] in (
            ["open", "open → closed"],
            ["open", "open → fixed", "fixed → closed"],
        )


# Audits after a job ends


def run_job(**overrides: Any) -> Job:
    job = start_job(
        make_options(**{"processors": ("TDZA",), "force": True, **overrides}), "ann", inline=True
    )
    assert job
    run_inline(job, "ann")
    return job


@pytest.mark.shell
@pytest.mark.usefixtures("season")
def test_what_has_ended_is_judged_once() -> None:
    assert audit_due() == 0
    run_job(end=FIRST)
    assert audit_due() == 1
    before = SeasonAudit.objects.values().get()
    assert (before["season"], before["compared"], before["unexplained"]) == (2021, 1, 0)
    assert audit_due() == 0
    assert SeasonAudit.objects.values().get() == before


@pytest.mark.usefixtures("season")
def test_nothing_is_judged_by_itself_where_that_is_switched_off(settings: Any) -> None:
    settings.AUDIT_AFTER_JOBS = False
    run_job(end=FIRST)
    assert (audit_due(), SeasonAudit.objects.exists()) == (0, False)


@pytest.mark.usefixtures("season")
def test_what_has_ended_since_is_judged_again() -> None:
    run_job(end=FIRST)
    audit_due()
    run_job(start=SECOND)
    assert audit_due() == 1
    assert SeasonAudit.objects.get().compared == 4


@pytest.mark.usefixtures("season")
def test_a_job_that_has_not_ended_is_not_waited_for() -> None:
    start_job(make_options(), "ann", inline=True)
    assert (audit_due(), SeasonAudit.objects.exists()) == (0, False)


@pytest.mark.usefixtures("season")
def test_a_job_of_a_season_that_is_gone_is_not_judged() -> None:
    job = run_job(end=FIRST)
    options = make_options(date(2022, 11, 2), date(2022, 11, 3)).as_json()
    Job.objects.filter(pk=job.pk).update(options=options)
    SeasonAudit.objects.create(season=2021, at=job.created_at, seconds=1, compared=0, unexplained=0)
    assert audit_due() == 0


@pytest.mark.shell
def test_a_warehouse_that_cannot_be_read_is_tried_again(
    season: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_job(end=FIRST)
    file = input_file(season, SCHED)
    whole = file.read_bytes()
    cut(file)
    assert (audit_due(), SeasonAudit.objects.exists()) == (0, False)
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith(f"audit failed ({file} is not a whole Parquet file")
    assert record.getMessage().endswith("; the next sweep retries")
    put(file, whole)
    assert audit_due() == 1
