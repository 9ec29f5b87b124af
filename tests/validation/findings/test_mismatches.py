from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from tests.validation.judged_seasons import (
    DATES,
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    all_of,
    failed,
    keys,
    make_ran,
    make_season,
)
from validation.expectation import BAD, FEW, ExpectationDiff
from validation.findings import kinds
from validation.findings.kinds import (
    FindingDraft,
    ProposedBackfill,
    Severity,
    format_date_ranges,
    ranges,
    sort_by_severity,
)
from validation.findings.mismatches import (
    Key,
    RunFacts,
    duplicates,
    in_chain,
    mismatches,
    rerun_action,
    skip_brake_for_known_bugs,
)
from validation.processor_rules import CODES, ML, PCF, PDC, PSZA, TDZA


def subjects(found: Iterable[FindingDraft]) -> list[tuple[str, str]]:
    return [(f.kind.name, f.subject) for f in found]


# Formatting of dates


def test_neighbors_are_a_range_and_a_date_by_itself_is_one_too() -> None:
    assert ranges([B, A, E, B]) == [[A, B], [E]]
    assert ranges([]) == []


def test_dates_with_a_night_off_between_are_neighbors_only_for_who_knows_the_calendar() -> None:
    assert ranges([C, D]) == [[C], [D]]
    assert ranges([C, D], DATES) == [[C, D]]
    assert ranges([B, D], DATES) == [[B], [D]]


def test_a_date_that_is_not_in_the_calendar_is_a_neighbor_by_the_day_alone() -> None:
    before = A - timedelta(days=1)
    assert ranges([before, A, B], DATES) == [[before, A, B]]
    assert ranges([A - timedelta(days=2), A], DATES) == [[A - timedelta(days=2)], [A]]


def test_dates_are_written_as_ranges_and_three_of_them_by_name() -> None:
    assert format_date_ranges([A]) == "2021-11-02"
    assert format_date_ranges([A, B, C]) == "2021-11-02 to 2021-11-04"
    assert format_date_ranges(DATES) == "2021-11-02 to 2021-11-04, 2021-11-06 to 2021-11-09"
    assert format_date_ranges(DATES, DATES) == "2021-11-02 to 2021-11-09"
    assert (
        format_date_ranges([A, C, E, G], DATES) == "2021-11-02, 2021-11-04, 2021-11-07 and 1 more"
    )
    assert format_date_ranges([]) == ""


# Order by severity


def test_findings_come_by_severity_then_by_what_they_are_then_by_date() -> None:
    def found(
        kind: kinds.FindingKind, day: date, subject: str = "", severity: Severity | None = None
    ) -> FindingDraft:
        return FindingDraft(
            kind=kind, season=2021, subject=subject, sentence="", dates=(day,), severity=severity
        )

    sorted_ = [
        found(kinds.BUG, B),
        found(kinds.LOST, A),
        found(kinds.LOST, B, "PDC"),
        found(kinds.LOST, B, "PSZA"),
        found(kinds.RUN_FAILED, A),
        found(kinds.LOW_COVERAGE, A),
        found(kinds.SLOW, A),
        found(kinds.HIGH_RATE, A, severity=Severity.NOTE),
        found(kinds.OUT_OF_BAND, A),
    ]
    assert sort_by_severity(reversed(sorted_)) == sorted_


def test_every_kind_has_a_name_a_place_a_cause_and_advice_of_its_own() -> None:
    assert len(kinds.BY_NAME) == len(kinds.KINDS) == len(set(kinds.KINDS))
    declared = {value for value in vars(kinds).values() if isinstance(value, kinds.FindingKind)}
    assert declared == set(kinds.KINDS)
    assert [k.name for k in kinds.KINDS if not (k.title and k.cause and k.advice)] == []
    severities = [kind.severity for kind in kinds.KINDS]
    assert severities == sorted(severities, reverse=True)


def test_a_finding_weighs_what_its_kind_does_unless_it_says_otherwise() -> None:
    usual, noted = (
        FindingDraft(
            kind=kinds.HIGH_RATE, season=2021, subject="s", sentence="", dates=(A,), severity=s
        )
        for s in (None, Severity.NOTE)
    )
    assert (usual.weight, noted.weight) == (Severity.WARNING, Severity.NOTE)
    assert usual.key == noted.key == ("high rate", 2021, "s")
    assert [str(s) for s in Severity] == ["note", "warning", "problem"]


# Proposed actions


@pytest.mark.parametrize(
    ("codes", "chain"),
    [
        ([TDZA], (TDZA, PCF, PDC, ML)),
        ([PSZA], (PSZA, PCF, PDC, ML)),
        ([PSZA, TDZA], ()),
        ([PCF], (PCF, PDC, ML)),
        ([PDC], (PDC, ML)),
        ([ML], (ML,)),
        ([ML, PCF], (PCF, PDC, ML)),
        ([TDZA, ML], (TDZA, PCF, PDC, ML)),
        (CODES, ()),
    ],
    ids=str,
)
def test_what_runs_again_is_what_is_named_and_what_follows_it(
    codes: Iterable[str], chain: tuple[str, ...]
) -> None:
    assert rerun_action((code, day) for code in codes for day in (C, A)) == ProposedBackfill(
        start=A, end=C, processors=chain
    )


def test_an_action_is_a_command() -> None:
    assert (
        ProposedBackfill(start=A, end=C).command
        == "manage.py backfill --start 2021-11-02 --end 2021-11-04"
    )
    forced = rerun_action(keys(PDC, B), force=True)
    assert (
        forced.command
        == "manage.py backfill --start 2021-11-03 --end 2021-11-03 --processors PDC,ML --force"
    )
    outdated = rerun_action(keys(ML, A, B), outdated=True, first="load it")
    assert outdated == ProposedBackfill(
        start=A, end=B, processors=(ML,), outdated=True, first="load it"
    )
    assert (
        outdated.command
        == "manage.py backfill --start 2021-11-02 --end 2021-11-03 --processors ML --stale"
    )
    past = ProposedBackfill(start=A, end=A, brake=False)
    assert (
        past.command
        == "manage.py backfill --start 2021-11-02 --end 2021-11-02 --no-canary --no-pause-on-error"
    )


def test_processors_are_named_in_the_order_of_the_chain() -> None:
    assert in_chain([(ML, A), (TDZA, B), (PCF, A), (ML, B)]) == (TDZA, PCF, ML)


def test_what_is_proposed_goes_past_the_bugs_that_are_listed_on_its_dates() -> None:
    bug = FindingDraft(
        kind=kinds.BUG,
        season=2021,
        subject="b",
        sentence="",
        dates=(B,),
        action=ProposedBackfill(start=B, end=B),
    )
    value = FindingDraft(
        kind=kinds.IMPOSSIBLE_VALUE,
        season=2021,
        subject="v",
        sentence="",
        dates=(F,),
        action=ProposedBackfill(start=F, end=F),
    )
    over, on, beside, without = (
        FindingDraft(
            kind=kinds.LOST, season=2021, subject=name, sentence="", dates=(A,), action=action
        )
        for name, action in (
            ("over", ProposedBackfill(start=A, end=C)),
            ("on", ProposedBackfill(start=E, end=F)),
            ("beside", ProposedBackfill(start=C, end=E)),
            ("without", None),
        )
    )
    found = skip_brake_for_known_bugs([bug, value, over, on, beside, without])
    assert [f.action for f in found] == [
        ProposedBackfill(start=B, end=B),
        ProposedBackfill(start=F, end=F),
        ProposedBackfill(start=A, end=C, brake=False),
        ProposedBackfill(start=E, end=F, brake=False),
        ProposedBackfill(start=C, end=E),
        None,
    ]
    assert skip_brake_for_known_bugs([over, beside]) == [over, beside]


# Differences from the expectation


def compared(**given: Any) -> ExpectationDiff:
    return ExpectationDiff(population=100, **given)


def judged(
    found: dict[Key, ExpectationDiff], *ran: RunFacts, stale: Iterable[Key] = ()
) -> list[FindingDraft]:
    return list(
        mismatches(make_season(*(ran or all_of(*DATES)), compared=found, stale=frozenset(stale)))
    )


def test_a_season_in_which_everything_is_as_it_must_be_has_no_mismatch() -> None:
    assert judged({(code, day): compared(explained=7) for code in CODES for day in DATES}) == []


def test_unexplained_failures_are_one_finding_for_each_processor() -> None:
    found = judged({
        (PDC, B): compared(unexplained={"e": FEW}),
        (PSZA, A): compared(unexplained={"b": FEW, "a": BAD}, lost={"b": BAD}),
        (PSZA, C): compared(unexplained={"c": FEW, "d": FEW, "f": FEW, "g": FEW}),
        (PSZA, D): compared(explained=3),
    })  # fmt: skip
    assert found == [
        FindingDraft(
            kind=kinds.UNEXPLAINED,
            season=2021,
            subject=PSZA,
            sentence="PSZA: 6 unexpected failures (5 INSUFFICIENT_DATA, 1 PROCESSING_ERROR), "
            "2021-11-02, 2021-11-04",
            dates=(A, C),
            processors=(PSZA,),
            count=6,
            action=ProposedBackfill(start=A, end=C, processors=(PSZA, PCF, PDC, ML), force=True),
            numbers={
                "entities": 6,
                "dates": 2,
                "sample": [
                    "a on 2021-11-02",
                    "b on 2021-11-02",
                    "c on 2021-11-04",
                    "d on 2021-11-04",
                    "f on 2021-11-04",
                ],
            },
        ),
        FindingDraft(
            kind=kinds.UNEXPLAINED,
            season=2021,
            subject=PDC,
            sentence="PDC: 1 unexpected failure (1 INSUFFICIENT_DATA), 2021-11-03",
            dates=(B,),
            processors=(PDC,),
            count=1,
            action=ProposedBackfill(start=B, end=B, processors=(PDC, ML), force=True),
            numbers={"entities": 1, "dates": 1, "sample": ["e on 2021-11-03"]},
        ),
    ]


def test_lost_failures_are_those_of_whom_no_other_failure_is_told() -> None:
    (found,) = judged(
        {(TDZA, A): compared(lost={"BOS": FEW, "NYK": FEW}), (TDZA, B): compared(lost={"BOS": BAD})}
    )
    assert found == FindingDraft(
        kind=kinds.LOST,
        season=2021,
        subject=TDZA,
        sentence="TDZA: 3 unexpected successes (2 INSUFFICIENT_DATA, 1 PROCESSING_ERROR), "
        "2021-11-02 to 2021-11-03",
        dates=(A, B),
        processors=(TDZA,),
        count=3,
        action=ProposedBackfill(start=A, end=B, processors=(TDZA, PCF, PDC, ML), force=True),
        numbers={
            "entities": 3,
            "dates": 2,
            "sample": ["BOS on 2021-11-02", "NYK on 2021-11-02", "BOS on 2021-11-03"],
        },
    )
    otherwise = judged({(TDZA, A): compared(lost={"BOS": BAD}, unexplained={"BOS": FEW})})
    assert subjects(otherwise) == [("unexplained", TDZA)]


def test_who_has_neither_row_nor_failure_and_who_has_one_too_many_are_unaccounted() -> None:
    (found,) = judged(
        {(ML, A): compared(unaccounted=frozenset("ab")), (ML, E): compared(strange=frozenset("c"))}
    )
    assert found == FindingDraft(
        kind=kinds.UNACCOUNTED,
        season=2021,
        subject=ML,
        sentence="ML: 3 unaccounted entities, 2021-11-02, 2021-11-07",
        dates=(A, E),
        processors=(ML,),
        count=3,
        action=ProposedBackfill(start=A, end=E, processors=(ML,), force=True),
        numbers={
            "entities": 3,
            "dates": 2,
            "sample": ["a on 2021-11-02", "b on 2021-11-02", "c on 2021-11-07"],
        },
    )


def test_each_kind_of_mismatch_is_a_finding_of_its_own() -> None:
    found = judged(
        {(PSZA, A): compared(unexplained={"a": FEW}, lost={"b": FEW}, unaccounted=frozenset("c"))}
    )
    assert subjects(found) == [("unexplained", PSZA), ("lost failure", PSZA), ("unaccounted", PSZA)]


def test_what_is_stale_or_failed_is_not_told_as_a_mismatch_too() -> None:
    wrong = compared(unexplained={"a": FEW}, unaccounted=frozenset("b"))
    found = {(PSZA, A): wrong, (PSZA, B): wrong, (PSZA, C): wrong}
    left = judged(found, failed(PSZA, A), make_ran(PSZA, B), make_ran(PSZA, C), stale=[(PSZA, B)])
    assert [(f.kind, f.dates) for f in left] == [
        (kinds.UNEXPLAINED, (C,)),
        (kinds.UNACCOUNTED, (C,)),
    ]


def test_what_somebody_has_written_without_a_run_is_judged_too() -> None:
    (found,) = judged({(PSZA, A): compared(lost={"a": FEW})}, make_ran(PSZA, B))
    assert (found.kind, found.dates) == (kinds.LOST, (A,))


# Duplicate keys


def test_rows_with_the_key_of_another_are_one_finding_for_each_processor() -> None:
    found = list(
        duplicates(make_season(repeated={(ML, C): 1, (PDC, A): 2, (PDC, B): 1_500, (PSZA, A): 0}))
    )
    assert found == [
        FindingDraft(
            kind=kinds.DUPLICATE_OUTPUT,
            season=2021,
            subject=PDC,
            sentence="PDC: 1,502 duplicate rows, 2021-11-02 to 2021-11-03",
            dates=(A, B),
            processors=(PDC,),
            count=1_502,
            action=ProposedBackfill(start=A, end=B, processors=(PDC, ML), force=True),
            numbers={"repeated": 1_502},
        ),
        FindingDraft(
            kind=kinds.DUPLICATE_OUTPUT,
            season=2021,
            subject=ML,
            sentence="ML: 1 duplicate row, 2021-11-04",
            dates=(C,),
            processors=(ML,),
            count=1,
            action=ProposedBackfill(start=C, end=C, processors=(ML,), force=True),
            numbers={"repeated": 1},
        ),
    ]
