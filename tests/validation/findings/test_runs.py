from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

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
    blocked,
    failed,
    make_ran,
    make_season,
)
from validation.findings import kinds
from validation.findings.kinds import FindingDraft, ProposedBackfill
from validation.findings.mismatches import RunFacts
from validation.findings.runs import runs, slow
from validation.processor_rules import CODES, ML, PCF, PDC, PSZA, TDZA


def subjects(found: Iterable[FindingDraft]) -> list[tuple[str, str]]:
    return [(f.kind.name, f.subject) for f in found]


def ended(*ran: RunFacts, rootless: Iterable[date] = ()) -> list[FindingDraft]:
    return list(runs(make_season(*ran), frozenset(rootless)))


def test_a_season_that_was_run_from_end_to_end_or_not_at_all_has_nothing_to_tell() -> None:
    assert ended(*all_of(*DATES)) == ended() == []


def test_failed_runs_are_grouped_by_error_and_what_they_block_is_counted() -> None:
    busy, corrupt = "WarehouseBusy: come back later", "CorruptPartition: part.parquet"
    found = ended(
        *all_of(B, E, F, G), *all_of(A, C, D, codes=[TDZA]),
        failed(PSZA, A, busy, error="WarehouseBusy"), failed(PSZA, C, busy, error="WarehouseBusy"),
        failed(PSZA, D, corrupt, error="CorruptPartition"),
        *(blocked(code, day) for day in (A, C, D) for code in (PCF, PDC, ML)),
    )  # fmt: skip
    assert found == [
        FindingDraft(
            kind=kinds.RUN_FAILED,
            season=2021,
            subject="CorruptPartition",
            sentence="1 run failed (CorruptPartition: part.parquet), 2021-11-06; "
            "3 downstream runs blocked",
            dates=(D,),
            processors=(PSZA,),
            count=1,
            action=ProposedBackfill(start=D, end=D, processors=(PSZA, PCF, PDC, ML)),
            numbers={"runs": 1, "blocked": 3, "sample": corrupt},
        ),
        FindingDraft(
            kind=kinds.RUN_FAILED,
            season=2021,
            subject="WarehouseBusy",
            sentence="2 runs failed (WarehouseBusy: come back later), "
            "2021-11-02, 2021-11-04; 6 downstream runs blocked",
            dates=(A, C),
            processors=(PSZA,),
            count=2,
            action=ProposedBackfill(start=A, end=C, processors=(PSZA, PCF, PDC, ML)),
            numbers={"runs": 2, "blocked": 6, "sample": busy},
        ),
    ]


def test_refused_runs_are_grouped_by_the_check_that_refused_them() -> None:
    found = ended(
        failed(TDZA, A, "freshness: nba_analytics.t: 80 hours old", refused_by="freshness"),
        failed(
            PSZA, A, "defensive: nba_analytics.p: no row for 2021-11-01", refused_by="defensive"
        ),
        failed(
            PSZA, B, "defensive: nba_analytics.p: no row for 2021-11-02", refused_by="defensive"
        ),
    )
    assert [(f.subject, f.dates, f.processors, f.numbers["blocked"]) for f in found] == [
        ("defensive", (A, B), (PSZA,), 0),
        ("freshness", (A,), (TDZA,), 0),
    ]
    assert (
        found[1].sentence == "1 run failed (freshness: nba_analytics.t: 80 hours old), 2021-11-02"
    )


def test_a_long_error_is_cut_in_the_sentence_and_whole_in_the_evidence() -> None:
    (found,) = ended(failed(PSZA, A, "x" * 500, error="CorruptPartition"))
    assert found.sentence == f"1 run failed ({'x' * 200}), 2021-11-02"
    assert found.numbers["sample"] == "x" * 500


def test_a_run_that_broke_on_a_bug_is_told_with_the_bugs() -> None:
    assert (
        ended(
            failed(
                PSZA, A, "AccountingError: 2 entities twice", error="AccountingError", is_bug=True
            )
        )
        == []
    )


def no_population(code: str, day: date) -> RunFacts:
    return failed(
        code,
        day,
        f"population: nba_analytics.u: no row for {day}",
        refused_by="population",
        no_population=True,
    )


def test_a_date_without_phase_3_is_the_root_of_its_failed_runs() -> None:
    ran = [*all_of(A, C), *(no_population(code, B) for code in (PCF, PDC)), blocked(ML, B)]
    assert ended(*ran, *all_of(B, codes=[TDZA, PSZA]), rootless=[B]) == []


def test_who_found_no_phase_3_then_where_there_is_some_now_is_told_so() -> None:
    (found,) = ended(no_population(PCF, B), no_population(PCF, C), blocked(PDC, B), rootless=[B])
    assert found == FindingDraft(
        kind=kinds.RUN_FAILED,
        season=2021,
        subject="population",
        sentence="1 run failed (population: nba_analytics.u: no row for 2021-11-04), 2021-11-04",
        dates=(C,),
        processors=(PCF,),
        count=1,
        action=ProposedBackfill(start=C, end=C, processors=(PCF, PDC, ML)),
        cause="the Phase 3 rows of these dates arrived after the runs",
        numbers={
            "runs": 1,
            "blocked": 0,
            "sample": "population: nba_analytics.u: no row for 2021-11-04",
        },
    )


def test_another_failure_on_a_date_without_phase_3_is_still_told() -> None:
    (found,) = ended(failed(PCF, B, "WarehouseBusy: later", error="WarehouseBusy"), rootless=[B])
    assert (found.kind, found.dates) == (kinds.RUN_FAILED, (B,))


def test_what_stays_blocked_after_its_root_was_healed_is_told_by_itself() -> None:
    (found,) = ended(*all_of(A, codes=[TDZA, PSZA]), *(blocked(code, A) for code in (PCF, PDC, ML)))
    assert found == FindingDraft(
        kind=kinds.STILL_BLOCKED,
        season=2021,
        subject="",
        sentence="3 runs (PCF, PDC, ML): still blocked, though the upstream failure is fixed, "
        "2021-11-02",
        dates=(A,),
        processors=(PCF, PDC, ML),
        count=3,
        action=ProposedBackfill(start=A, end=A, processors=(PCF, PDC, ML)),
        numbers={"runs": 3},
    )


@pytest.mark.parametrize(
    "root",
    [failed(TDZA, A, "e", error="AccountingError", is_bug=True), no_population(TDZA, A)],
    ids=str,
)
def test_what_is_blocked_by_a_root_that_is_told_elsewhere_is_not_told_again(root: RunFacts) -> None:
    assert ended(root, make_ran(PSZA, A), blocked(PCF, A), rootless=[A]) == []


def test_partitions_that_are_gone_are_one_finding() -> None:
    (found,) = ended(
        *all_of(*DATES), make_ran(PSZA, A, is_lost=True), make_ran(ML, D, is_lost=True)
    )
    assert found == FindingDraft(
        kind=kinds.LOST_PARTITION,
        season=2021,
        subject="",
        sentence="2 runs (PSZA, ML): complete, but the partition is missing or unreadable, "
        "2021-11-02, 2021-11-06",
        dates=(A, D),
        processors=(PSZA, ML),
        count=2,
        action=ProposedBackfill(start=A, end=D, processors=(PSZA, PCF, PDC, ML)),
        numbers={"runs": 2},
    )


def test_what_an_old_statement_made_is_one_finding_and_what_it_failed_to_make_is_none() -> None:
    (found,) = ended(
        *(make_ran(PDC, day, statement_changed=True) for day in (A, B, C, D)),
        failed(PDC, E, "e", error="AccountingError", is_bug=True, statement_changed=True),
    )
    assert found == FindingDraft(
        kind=kinds.OLD_SQL,
        season=2021,
        subject="",
        sentence="4 runs (PDC): stale output: written by older SQL, 2021-11-02 to 2021-11-06",
        dates=(A, B, C, D),
        processors=(PDC,),
        count=4,
        action=ProposedBackfill(start=A, end=D, processors=(PDC, ML), outdated=True),
        numbers={"runs": 4},
    )


# Gaps


def test_dates_between_two_ranges_are_a_hole_and_those_before_and_after_are_none() -> None:
    (found,) = ended(*all_of(B, E, F))
    assert found == FindingDraft(
        kind=kinds.HOLE,
        season=2021,
        subject="2021-11-04",
        sentence="10 gaps (TDZA, PSZA, PCF, PDC, ML) between dates with runs, "
        "2021-11-04 to 2021-11-06",
        dates=(C, D),
        processors=CODES,
        count=10,
        action=ProposedBackfill(start=C, end=D),
        numbers={"dates": 2, "runs": 10},
    )


def test_every_stretch_of_dates_is_a_hole_of_its_own() -> None:
    assert [(f.subject, f.dates) for f in ended(*all_of(A, C, F))] == [
        ("2021-11-03", (B,)),
        ("2021-11-06", (D, E)),
    ]


def test_a_hole_of_one_processor_names_it() -> None:
    (found,) = ended(*all_of(A, C), *all_of(B, codes=[TDZA, PSZA]))
    assert (found.processors, found.dates, found.count) == ((PCF, PDC, ML), (B,), 3)


@pytest.mark.parametrize(
    ("ran", "missing", "text"),
    [
        ([TDZA, PSZA], "3 gaps (PCF, PDC, ML)", "TDZA, PSZA"),
        ([TDZA, PSZA, PCF, PDC], "1 gap (ML)", "TDZA, PSZA, PCF, PDC"),
        ([ML], "4 gaps (TDZA, PSZA, PCF, PDC)", "ML"),
    ],
)
def test_a_gap_says_what_ran_on_its_date(ran: list[str], missing: str, text: str) -> None:
    (found,) = ended(*all_of(A, C), *all_of(B, codes=ran))
    assert found.sentence == f"{missing} between dates with runs, 2021-11-03; only {text} ran"
    assert found.cause == f"the backfills of these dates ran {text} only"


def test_dates_on_which_other_processors_ran_are_gaps_of_their_own() -> None:
    found = ended(*all_of(A, E), *all_of(C, codes=[TDZA]), *all_of(D, codes=[TDZA]))
    assert [(f.dates, f.sentence) for f in found] == [
        ((B,), "5 gaps (TDZA, PSZA, PCF, PDC, ML) between dates with runs, 2021-11-03"),
        (
            (C, D),
            "8 gaps (PSZA, PCF, PDC, ML) between dates with runs, 2021-11-04 to 2021-11-06; "
            "only TDZA ran",
        ),
    ]


def test_a_processor_that_was_run_for_longer_than_the_others_makes_no_hole_of_theirs() -> None:
    (found,) = ended(*all_of(A, B), *all_of(D, codes=[TDZA]))
    assert (found.processors, found.dates, found.count) == ((TDZA,), (C,), 1)
    assert found.action == ProposedBackfill(start=C, end=C, processors=(TDZA, PCF, PDC, ML))
    assert ended(*all_of(*DATES, codes=[TDZA]), *all_of(A, B)) == []


def test_a_failed_date_is_no_hole() -> None:
    found = ended(
        make_ran(PSZA, A), failed(PSZA, B, "", error="CorruptPartition"), make_ran(PSZA, C)
    )
    assert subjects(found) == [("run failed", "CorruptPartition")]


def test_a_date_without_phase_3_is_no_hole() -> None:
    assert ended(*all_of(A, C), rootless=[B]) == []
    assert [f.dates for f in ended(*all_of(A, G), rootless=[C])] == [(B,), (D, E, F)]


# Slow runs


def timed(*seconds: float, code: str = PSZA, **share: float) -> list[RunFacts]:
    """Make one run per date, with all of its time in the query unless a share goes elsewhere."""
    return [
        make_ran(
            code,
            day,
            query_seconds=n * (1 - sum(share.values())),
            **{f"{name}_seconds": n * of for name, of in share.items()},
        )
        for day, n in zip(DATES, seconds, strict=False)
    ]


def took_long(*ran: RunFacts) -> list[FindingDraft]:
    return list(slow(make_season(*ran)))


def test_a_run_of_over_five_minutes_is_slow_however_long_the_others_take() -> None:
    assert [f.dates for f in took_long(*timed(300, 250, 301))] == [(C,)]
    assert took_long(*timed(300, 300)) == []


def test_a_run_of_over_three_times_the_median_is_slow() -> None:
    assert took_long(*timed(20, 20, 60)) == []
    assert [f.dates for f in took_long(*timed(20, 20, 61))] == [(C,)]


def test_three_times_next_to_nothing_is_not_slow() -> None:
    assert took_long(*timed(0.1, 0.1, 10)) == []
    assert [f.dates for f in took_long(*timed(0.1, 0.1, 10.1))] == [(C,)]


def test_a_date_that_took_no_time_is_in_no_median() -> None:
    assert took_long(*timed(0, 0, 0, 20, 20, 50)) == []
    assert took_long(*timed(0, 0)) == took_long() == []


def test_each_processor_is_held_against_itself() -> None:
    found = took_long(*timed(20, 20, 20), *timed(100, 100, 310, code=ML))
    assert [(f.subject, f.dates) for f in found] == [(ML, (C,))]


@pytest.mark.parametrize(
    ("others", "is_slow"), [(1.0, True), (2.9, True), (3.1, False), (9.0, False)]
)
def test_a_run_is_slow_beyond_the_others_of_the_same_time(others: float, is_slow: bool) -> None:
    """On a busy machine, the other processors take as many times longer as the slow one."""
    at = datetime(2022, 1, 1, 12)
    usual = [
        make_ran(code, day, query_seconds=20.0, started_at=at - timedelta(hours=n))
        for code in (TDZA, PSZA, PCF, PDC)
        for n, day in enumerate((A, B, C), start=1)
    ]
    busy = [
        make_ran(code, D, query_seconds=20.0 * (9 if code == PSZA else others), started_at=at)
        for code in (TDZA, PSZA, PCF, PDC)
    ]
    found = [f.subject for f in took_long(*usual, *busy)]
    assert (PSZA in found) is is_slow


def test_over_five_minutes_is_slow_on_a_busy_machine_too() -> None:
    at = datetime(2022, 1, 1, 12)
    busy = [
        make_ran(code, day, query_seconds=100.0 if day < D else 310.0, started_at=at)
        for code in (TDZA, PSZA, PCF, PDC)
        for day in (A, B, C, D)
    ]
    assert {f.dates for f in took_long(*busy)} == {(D,)}


def test_slow_runs_say_how_slow_how_long_it_takes_usually_and_where_the_seconds_went() -> None:
    (found,) = took_long(*timed(20, 20, 20, 90, 400.4, write=0.25))
    assert found == FindingDraft(
        kind=kinds.SLOW,
        season=2021,
        subject=PSZA,
        sentence="PSZA: 2 slow runs, at most 6 min 40 s (2021-11-07), usually 20 s; "
        "2021-11-06 to 2021-11-07",
        dates=(D, E),
        processors=(PSZA,),
        count=2,
        cause="5 min 0 s of 6 min 40 s spent on the query: a busy machine, or small batches",
        numbers={"usual": 20.0, "query": 300.3, "write": 100.1, "checks": 0.0},
    )


@pytest.mark.parametrize(
    ("shares", "cause"),
    [
        ({}, "6 min 40 s of 6 min 40 s spent on the query: a busy machine, or small batches"),
        (
            {"write": 0.5},
            "3 min 20 s of 6 min 40 s spent on the query: a busy machine, or small batches",
        ),
        (
            {"write": 0.75},
            "5 min 0 s of 6 min 40 s spent on the write: a slow disk, or many concurrent writers",
        ),
        (
            {"check": 0.5, "write": 0.25},
            "1 min 40 s of 6 min 40 s spent on the query: a busy machine, or small batches",
        ),
        (
            {"check": 0.75},
            "5 min 0 s of 6 min 40 s spent on the checks of normal mode; backfill mode skips them",
        ),
    ],
    ids=str,
)
def test_the_cause_of_a_slow_run_is_where_its_seconds_went(
    shares: dict[str, float], cause: str
) -> None:
    (found,) = took_long(*timed(400, **shares))
    assert found.cause == cause
