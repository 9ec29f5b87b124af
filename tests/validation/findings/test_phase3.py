from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import pytest

from tests.validation.judged_seasons import A, B, C, D, E, F, G, all_of, keys, make_ran, make_season
from validation.coverage import ROWS_PER_GAME, Coverage
from validation.findings import kinds, mismatches, phase3
from validation.findings.content import Jump, Violation
from validation.findings.kinds import FindingDraft, ProposedBackfill
from validation.findings.phase3 import BugGroup
from validation.known_constants import ConstantKind
from validation.processor_rules import ML, PCF, PDC, PSZA, TDZA
from validation.source_rows import SourceRow

PLAYERS, DEFENSE, OFFENSE, CONTEXT, TEAMS = ROWS_PER_GAME
SEASON = make_season(*all_of(A, B, C, D, E))  # the last two dates have no runs
LOAD = "load it with `manage.py load_phase3 DIR`"


def covered(
    day: date, table: str, rows: int, expected: float = 100.0, *, low: bool | None = None
) -> Coverage:
    """Make coverage of so many rows of a hundred."""
    return Coverage(
        date=day,
        table=table,
        games=5,
        rows=rows,
        expected=expected,
        is_low=rows < 90 if low is None else low,
    )


def coverage(lacking: Mapping[date, Iterable[str]]) -> list[Coverage]:
    """Make coverage of every table and date, with no rows for the given gaps."""
    days = (A, B, C, D, E, F, G, *(day for day in lacking if day < A))
    return [
        covered(day, table, 0 if table in lacking.get(day, ()) else 100)
        for table in ROWS_PER_GAME
        for day in days
    ]


def missing(
    lacking: Mapping[date, Iterable[str]], following: Mapping[date, int] | None = None
) -> list[FindingDraft]:
    return list(phase3.missing(SEASON, coverage(lacking), following or {}))


# Dates without Phase 3


def test_a_date_that_has_everything_is_not_missing() -> None:
    assert missing({}) == []


def test_neighboring_dates_that_lack_everything_are_one_finding() -> None:
    (found,) = missing({C: ROWS_PER_GAME, D: ROWS_PER_GAME})
    assert found == FindingDraft(
        kind=kinds.PHASE3_MISSING,
        season=2021,
        subject=f"{C} {' '.join(sorted(ROWS_PER_GAME))}",
        sentence="2021-11-04 to 2021-11-06: games played, but no rows in any Phase 3 table",
        dates=(C, D),
        processors=(),
        count=2,
        cause="Phase 3 has not run for these dates",
        numbers={"tables": list(ROWS_PER_GAME), "failures on later dates": 0},
        evidence={"tables": list(ROWS_PER_GAME)},
        action=ProposedBackfill(
            start=C,
            end=E,
            outdated=True,
            first=f"run Phase 3 for 2021-11-04 to 2021-11-06 and {LOAD}",
        ),
    )


def test_a_date_that_lacks_one_table_names_it_and_says_that_the_others_are_there() -> None:
    (found,) = missing({B: [PLAYERS]}, {B: 1_204, C: 7})
    assert found == FindingDraft(
        kind=kinds.PHASE3_MISSING,
        season=2021,
        subject=f"{B} {PLAYERS}",
        sentence=f"2021-11-03: games played, but no rows in {PLAYERS}; "
        "causes about 1,204 failures on later dates",
        dates=(B,),
        processors=(),
        count=1,
        cause="the other tables have rows: a file is late or was lost",
        numbers={"tables": [PLAYERS], "failures on later dates": 1_204},
        evidence={"tables": [PLAYERS]},
        action=ProposedBackfill(
            start=B, end=E, outdated=True, first=f"run Phase 3 for 2021-11-03 and {LOAD}"
        ),
    )


def test_the_later_failures_of_neighboring_dates_are_added_up() -> None:
    (found,) = missing({A: [PLAYERS], B: [PLAYERS]}, {A: 3, B: 4, C: 5})
    assert found.numbers["failures on later dates"] == 7
    assert found.sentence.endswith("; causes about 7 failures on later dates")


def test_dates_that_lack_other_tables_or_are_no_neighbors_are_findings_of_their_own() -> None:
    found = missing({A: [PLAYERS], B: [PLAYERS, DEFENSE], C: [DEFENSE, PLAYERS], E: [PLAYERS]})
    assert {(f.dates, tuple(f.numbers["tables"])) for f in found} == {  # type: ignore[arg-type]
        ((A,), (PLAYERS,)),
        ((B, C), (PLAYERS, DEFENSE)),
        ((E,), (PLAYERS,)),
    }
    assert len({f.key for f in found}) == len(found) == 3


def test_a_bootstrap_date_without_phase_3_is_missing_too() -> None:
    before = A - timedelta(days=5)
    (found,) = missing({before: [CONTEXT]})
    assert (found.dates, found.action and found.action.start) == ((before,), before)


def test_a_date_after_the_last_run_is_proposed_by_itself() -> None:
    (found,) = missing({F: [PLAYERS], G: [PLAYERS]})
    assert found.action == ProposedBackfill(
        start=F, end=G, outdated=True, first=f"run Phase 3 for 2021-11-08 to 2021-11-09 and {LOAD}"
    )


# Dates with low coverage


def low(*found: Coverage, following: Mapping[date, int] | None = None) -> list[FindingDraft]:
    return list(phase3.low(SEASON, found, following or {}))


def test_a_date_with_few_rows_is_one_finding_whatever_tables_they_are_of() -> None:
    of_b = (
        covered(B, PLAYERS, 1, 204.4),
        covered(B, CONTEXT, 1_500, 2_000.0, low=True),
        covered(B, TEAMS, 100),
    )
    (found,) = low(*of_b, following={B: 12})
    assert found == FindingDraft(
        kind=kinds.LOW_COVERAGE,
        season=2021,
        subject=f"{B} {PLAYERS} {CONTEXT}",
        sentence=f"2021-11-03: {PLAYERS} has 1 of about 204 rows (0 %); "
        f"{CONTEXT} has 1,500 of about 2,000 rows (75 %); causes about 12 failures on later dates",
        dates=(B,),
        processors=(),
        count=1,
        numbers={
            "rows": {PLAYERS: 1, CONTEXT: 1_500},
            "expected": {PLAYERS: 204, CONTEXT: 2_000},
            "failures on later dates": 12,
        },
        evidence={"tables": [PLAYERS, CONTEXT]},
        action=ProposedBackfill(
            start=B, end=E, outdated=True, first=f"run Phase 3 for 2021-11-03 and {LOAD}"
        ),
    )


def test_neighboring_dates_with_few_rows_in_the_same_tables_are_one_finding() -> None:
    found = low(
        covered(A, PLAYERS, 50),
        covered(B, PLAYERS, 30),
        covered(C, PLAYERS, 50),
        covered(C, DEFENSE, 10),
    )
    assert {(f.dates, f.subject) for f in found} == {
        ((A, B), f"{A} {PLAYERS}"),
        ((C,), f"{C} {PLAYERS} {DEFENSE}"),
    }
    (both,) = (f for f in found if f.dates == (A, B))
    assert both.numbers["rows"] == {PLAYERS: 80}


def test_a_table_without_a_row_is_missing_and_not_low() -> None:
    assert (
        low(covered(B, PLAYERS, 0), covered(C, PLAYERS, 100), covered(D, PLAYERS, 80, low=False))
        == []
    )


# Duplicate games


def test_games_that_are_there_twice_are_one_note_for_each_range_of_dates() -> None:
    rows = {
        (PLAYERS, C): 1_000,
        (PLAYERS, D): 20,
        (DEFENSE, D): 2,
        (DEFENSE, G): 4,
        (PLAYERS, A): 0,
    }
    assert list(phase3.twice(SEASON, rows)) == [
        FindingDraft(
            kind=kinds.DUPLICATE_INPUT,
            season=2021,
            subject="2021-11-04",
            sentence=f"2021-11-04 to 2021-11-06: 1,020 duplicate rows in {PLAYERS}, "
            f"2 duplicate rows in {DEFENSE}",
            dates=(C, D),
            processors=(),
            count=1_022,
            numbers={"rows too many": {PLAYERS: 1_020, DEFENSE: 2}},
            evidence={"tables": [PLAYERS, DEFENSE]},
        ),
        FindingDraft(
            kind=kinds.DUPLICATE_INPUT,
            season=2021,
            subject="2021-11-09",
            sentence=f"2021-11-09: 4 duplicate rows in {DEFENSE}",
            dates=(G,),
            processors=(),
            count=4,
            numbers={"rows too many": {DEFENSE: 4}},
            evidence={"tables": [DEFENSE]},
        ),
    ]
    assert list(phase3.twice(SEASON, {})) == []


# Bugs


def test_a_defect_of_the_code_is_a_bug_to_be_mended_and_run_again() -> None:
    group = BugGroup(
        id="1234abcd",
        what="AccountingError",
        keys=frozenset(keys(TDZA, B, D)),
        count=2,
        texts={"AccountingError: TDZA 2021-11-03": 2},
    )
    (found,) = phase3.bugs(SEASON, [group])
    assert found == FindingDraft(
        kind=kinds.BUG,
        season=2021,
        subject="1234abcd",
        sentence="2 AccountingError failures: AccountingError: TDZA 2021-11-03, 2021-11-03, 2021-11-06",
        dates=(B, D),
        processors=(TDZA,),
        count=2,
        numbers={"failures": 2, "dates": 2, "texts": ["AccountingError: TDZA 2021-11-03"]},
        action=ProposedBackfill(start=B, end=D, processors=(TDZA, PCF, PDC, ML)),
    )


def test_a_source_row_that_cannot_be_true_is_to_be_mended_in_phase_3() -> None:
    text = f"impossible value in {PLAYERS}, game_id g: points = -1"
    group = BugGroup(
        id="5678cdef",
        what="PROCESSING_ERROR",
        keys=frozenset([(PSZA, B), (PDC, C), (ML, C)]),
        count=1_003,
        texts={text: 1_003},
        is_of_source=True,
    )
    (found,) = phase3.bugs(SEASON, [group])
    assert found == FindingDraft(
        kind=kinds.IMPOSSIBLE_VALUE,
        season=2021,
        subject="5678cdef",
        sentence=f"1,003 PROCESSING_ERROR failures: {text}, 2021-11-03 to 2021-11-04",
        dates=(B, C),
        processors=(PSZA, PDC, ML),
        count=1_003,
        numbers={"failures": 1_003, "dates": 2, "texts": [text]},
        action=ProposedBackfill(
            start=B,
            end=C,
            processors=(PSZA, PCF, PDC, ML),
            outdated=True,
            first=f"fix the row in Phase 3 and {LOAD}",
        ),
    )


def test_the_rows_to_blame_are_the_sample() -> None:
    rows = tuple(SourceRow(day=B, entity=f"player{n}", game_id="g", table="PGS") for n in range(7))
    group = BugGroup(
        id="g",
        what="PROCESSING_ERROR",
        keys=frozenset(keys(PSZA, B)),
        count=7,
        texts={"text": 7},
        is_of_source=True,
        rows=rows,
    )
    (found,) = phase3.bugs(SEASON, [group])
    assert found.numbers["sample"] == [f"player{n} on {B}, game g" for n in range(5)]
    assert found.evidence["rows"] == [
        {"table": "PGS", "entity": f"player{n}", "date": str(B), "game_id": "g"} for n in range(5)
    ]
    assert found.action
    assert found.action.first == f"fix the row of player0 on {B}, game g in Phase 3 and {LOAD}"


def test_of_the_texts_of_a_group_the_commonest_is_the_sample_and_five_are_kept() -> None:
    texts = {f"text {n}": n for n in range(1, 8)}
    (found,) = phase3.bugs(
        SEASON,
        [BugGroup(id="g", what="UNKNOWN", keys=frozenset(keys(ML, A)), count=28, texts=texts)],
    )
    assert found.sentence == "28 UNKNOWN failures: text 7 and 6 similar texts, 2021-11-02"
    assert found.numbers == {
        "failures": 28,
        "dates": 1,
        "texts": [f"text {n}" for n in range(1, 6)],
    }


# Columns that jumped


def jumped(
    table: str, columns: Iterable[str], *dates: date, made_from: Iterable[str] = ()
) -> FindingDraft:
    jump = Jump(
        table=table,
        columns=tuple(columns),
        what=ConstantKind.NULL,
        dates=dates,
        share=0.98765,
        reference=0.01,
        sources=tuple(made_from),
    )
    (found,) = phase3.jumps(SEASON, [jump])
    return found


def test_a_source_column_that_jumped_is_to_be_mended_in_phase_3() -> None:
    assert jumped("PGS", ["usage_rate"], C, D) == FindingDraft(
        kind=kinds.COLUMN_JUMP,
        season=2021,
        subject="PGS usage_rate NULL 2021-11-04",
        sentence="PGS: usage_rate is NULL in 98.8 % of rows (was 1 %), 2021-11-04 to 2021-11-06",
        dates=(C, D),
        processors=(),
        count=2,
        cause="Phase 3 lost the values of PGS.usage_rate",
        numbers={"share": 0.9877, "before": 0.01},
        evidence={"table": "PGS", "columns": ["usage_rate"]},
        action=ProposedBackfill(
            start=C, end=E, outdated=True, first=f"fix usage_rate in Phase 3 and {LOAD}"
        ),
    )


def test_an_output_column_that_no_source_explains_is_the_statements() -> None:
    assert jumped(
        PSZA, ["total_shots_last_10", "paint_rate_last_20"], E, made_from=["PGS.paint_attempts"]
    ) == FindingDraft(
        kind=kinds.COLUMN_JUMP,
        season=2021,
        subject="PSZA total_shots_last_10 NULL 2021-11-07",
        sentence="PSZA: total_shots_last_10, paint_rate_last_20 are NULL in 98.8 % of rows "
        "(was 1 %), 2021-11-07",
        dates=(E,),
        processors=(PSZA,),
        count=1,
        cause="the processor's formula; its source columns did not change: PGS.paint_attempts",
        numbers={"share": 0.9877, "before": 0.01},
        evidence={"table": "PSZA", "columns": ["total_shots_last_10", "paint_rate_last_20"]},
        action=ProposedBackfill(start=E, end=E, outdated=True, first="fix the SQL of PSZA"),
    )


def test_a_jump_after_the_last_run_is_proposed_up_to_its_own_end() -> None:
    assert jumped("PGS", ["points"], F, G).action == ProposedBackfill(
        start=F, end=G, outdated=True, first=f"fix points in Phase 3 and {LOAD}"
    )


def test_a_jump_of_many_columns_is_told_from_others_by_the_first_of_them() -> None:
    found = jumped("PGS", [f"a_column_with_a_long_name_{n}" for n in range(40)], A)
    assert found.subject == "PGS a_column_with_a_long_name_0 NULL 2021-11-02"


# Stale output


def stale(
    windows: Iterable[tuple[str, date]] = (),
    context: Iterable[tuple[str, date]] = (),
    moved: int = 0,
) -> list[FindingDraft]:
    return list(phase3.stale(SEASON, windows, context, moved))


def test_what_was_made_from_games_that_changed_is_one_forward_cascade() -> None:
    (found,) = stale([(PSZA, C), (TDZA, C), (PSZA, D)])
    assert found == FindingDraft(
        kind=kinds.FORWARD_CASCADE,
        season=2021,
        subject="",
        sentence="3 stale runs: games of a date up to 2021-11-03 changed after the runs, "
        "2021-11-04 to 2021-11-06",
        dates=(C, D),
        processors=(TDZA, PSZA),
        count=3,
        numbers={"runs": 3, "repaired": "a date up to 2021-11-03", "failures that changed": 0},
        action=ProposedBackfill(start=C, end=D, outdated=True),
    )


def test_failures_that_are_no_longer_what_the_games_say_are_counted() -> None:
    (found,) = stale(keys(ML, B, D), moved=1_017)
    assert found.sentence == (
        "2 stale runs: games of a date up to 2021-11-02 changed after the runs, 2021-11-03, 2021-11-06; "
        "1,017 failures of these runs differ from the expectation"
    )
    assert found.numbers["failures that changed"] == 1_017


def test_what_changed_before_the_first_date_is_not_called_by_a_date() -> None:
    (found,) = stale(keys(PSZA, A))
    assert found.numbers["repaired"] == "an earlier date"


def test_what_was_made_from_context_rows_that_changed_is_stale_by_itself() -> None:
    (found,) = stale(context=[(PCF, D), (PDC, B), (ML, B)])
    assert found == FindingDraft(
        kind=kinds.STALE_INPUT,
        season=2021,
        subject="",
        sentence="3 stale runs: context rows changed after the runs, 2021-11-03, 2021-11-06",
        dates=(B, D),
        processors=(PCF, PDC, ML),
        count=3,
        numbers={"runs": 3},
        action=ProposedBackfill(start=B, end=D, outdated=True),
    )


def test_what_is_older_than_both_is_told_once() -> None:
    both = [(PDC, B), (ML, B)]
    assert [(f.kind, f.processors, f.dates) for f in stale(both, [*both, (PCF, B)])] == [
        (kinds.FORWARD_CASCADE, (PDC, ML), (B,)),
        (kinds.STALE_INPUT, (PCF,), (B,)),
    ]
    assert [f.kind for f in stale(both, both)] == [kinds.FORWARD_CASCADE]
    assert stale() == []


# Impossible values


def violation(check: str, code: str, day: date, count: int, sample: str = "p") -> Violation:
    return Violation(
        check=check,
        processor=code,
        date=day,
        count=count,
        sample=sample,
        sentence=f"{check} does not hold",
    )


def test_rows_that_break_a_rule_are_one_finding_for_each_processor_and_rule() -> None:
    of_psza = (
        violation("sum", PSZA, C, 2),
        violation("sum", PSZA, B, 1_000, "q"),
        violation("range", PSZA, B, 1),
    )
    told = [*of_psza, violation("sum", PDC, A, 1)]
    found = list(mismatches.violations(SEASON, told))
    assert [f.subject for f in found] == ["PDC sum", "PSZA range", "PSZA sum"]
    assert found[-1] == FindingDraft(
        kind=kinds.WRONG_CONTENT,
        season=2021,
        subject="PSZA sum",
        sentence="PSZA: sum does not hold: 1,002 rows, 2021-11-03 to 2021-11-04; for example p",
        dates=(B, C),
        processors=(PSZA,),
        count=1_002,
        numbers={"rows": 1_002, "check": "sum", "sample": "p"},
        action=ProposedBackfill(start=B, end=C, processors=(PSZA, PCF, PDC, ML), force=True),
    )


def test_all_checks_below_a_lost_partition_are_one_finding() -> None:
    season = make_season(make_ran(PDC, A, is_lost=True), make_ran(ML, A))
    told = [violation(check, ML, A, 5) for check in ("points", "pace", "quality")]
    (found,) = mismatches.violations(season, told)
    assert (found.subject, found.count, found.processors) == (f"{ML} below lost", 3, (ML,))
    assert found.sentence.startswith("ML: rows differ from a lost partition in 3 checks, ")
    assert found.numbers["checks"] == ["pace", "points", "quality"]


@pytest.mark.parametrize("stale_too", [True, False])
def test_what_is_stale_is_not_told_as_wrong(stale_too: bool) -> None:
    season = make_season(make_ran(PSZA, A), stale=frozenset(keys(PSZA, A) if stale_too else ()))
    found = mismatches.violations(season, [violation("sum", PSZA, A, 1)])
    assert [f.dates for f in found] == ([] if stale_too else [(A,)])


def test_what_follows_from_another_processors_wrong_rows_is_not_told() -> None:
    broken = [
        Violation(
            check="a check",
            processor=code,
            date=day,
            count=1,
            sample="someone",
            sentence="is wrong",
        )
        for code, day in ((PSZA, A), (PDC, A), (PDC, B), (ML, B))
    ]
    found = list(mismatches.violations(SEASON, broken))
    assert [(f.processors, f.dates) for f in found] == [((PDC,), (B,)), ((PSZA,), (A,))]
