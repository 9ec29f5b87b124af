"""Findings about Phase 3 tables that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from validation.coverage import Coverage
from validation.findings.kinds import FindingDraft, ProposedBackfill
from validation.findings.mismatches import AuditedSeason
from validation.inputs import kinds
from validation.inputs.cost import Cost, SeasonCosts
from validation.inputs.problem import MOST_LISTED, InputProblem, full_name, table_names
from validation.thresholds import LOW_COVERAGE_SHARE

RELOAD = "fix {} in Phase 3 and load it with `manage.py load_phase3 DIR`"
# Kinds that explain a date without rows, or with few: the rows are elsewhere or named.
OF_ROWS = (kinds.GAME_DATE, kinds.GAME_TEAMS, kinds.UNSCHEDULED)


def inputs(
    season: AuditedSeason, problems: Iterable[InputProblem], costs: SeasonCosts
) -> Iterator[FindingDraft]:
    """Yield a Finding per problem, with its cost downstream."""
    for problem in problems:
        cost = costs.of(problem)
        last = max(season.last, problem.dates[-1])
        yield FindingDraft(
            kind=problem.kind,
            season=season.year,
            subject=problem.subject,
            sentence=sentence(problem, cost),
            dates=problem.dates,
            count=problem.rows,
            severity=problem.severity,
            cause=problem.cause,
            numbers=numbers(problem, cost),
            evidence={
                "statement": problem.statement,
                "only": {
                    name: list(values)
                    for name, values in problem.only.items()
                    if len(values) <= MOST_LISTED
                },
                "table": problem.tables[0],
                "columns": problem.numbers.get("columns", []),
            },
            action=ProposedBackfill(
                start=problem.dates[0],
                end=last,
                outdated=True,
                first=RELOAD.format(table_names(problem.tables)),
            ),
        )


def sentence(problem: InputProblem, cost: Cost) -> str:
    """Return the sentence of a problem with its cost downstream."""
    return f"{problem.sentence}; {cost.text}" if cost.text else problem.sentence


def numbers(problem: InputProblem, cost: Cost) -> dict[str, object]:
    """Return the names and numbers of a problem, as shown with the evidence."""
    lost = {key.entity: cost.lost.get(key.entity, 0) for key in problem.right}
    by_player = {"rows lost by player": _first(lost)} if problem.kind is kinds.PLAYER_NAME else {}
    return {
        **problem.names,
        **problem.numbers,
        **by_player,
        "wrong rows downstream": cost.wrong_rows,
        "failures that would not occur": cost.failures,
        "missing rows downstream": cost.missing_rows,
    }


def _first(counts: Mapping[str, int]) -> dict[str, int]:
    largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(largest[:MOST_LISTED])


def unexplained(coverage: Iterable[Coverage], problems: Iterable[InputProblem]) -> list[Coverage]:
    """Return the coverage without the dates whose missing rows a problem explains."""
    by_place: dict[tuple[str, date], int] = {}
    for problem in problems:
        if problem.kind in OF_ROWS:
            for table, day, sides in _explained(problem):
                by_place[table, day] = by_place.get((table, day), 0) + sides
    return [cell for cell in coverage if not _is_explained(cell, by_place)]


def _explained(problem: InputProblem) -> Iterator[tuple[str, date, int]]:
    """Yield each table and date of the right rows with their number of teams."""
    for key in problem.right:
        yield full_name(key.table), key.day, 1


def _is_explained(cell: Coverage, sides: Mapping[tuple[str, date], int]) -> bool:
    missing = sides.get((cell.table, cell.date), 0)
    expected = cell.expected * (1 - missing / (2 * cell.games))
    return bool(missing) and cell.rows >= LOW_COVERAGE_SHARE * expected
