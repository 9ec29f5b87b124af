"""Section 8 of the specification: expected failures, from the source tables alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from tests.oracle.impossible import broken_rule
from tests.oracle.outcome import Outcome, Row, Rows
from tests.oracle.sources import Facts

ROW = "row"
BAD, FEW, MISSING, INCOMPLETE = (
    "PROCESSING_ERROR",
    "INSUFFICIENT_DATA",
    "MISSING_DEPENDENCY",
    "INCOMPLETE_DATA",
)

Statuses = dict[str, str]


def statuses(outcome: Outcome) -> Statuses:
    """Return each entity's failure category, or that it has a row."""
    assert not set(outcome.rows) & set(outcome.failures), "an entity with both a row and a failure"
    return dict.fromkeys(outcome.rows, ROW) | {
        entity: category for entity, (category, _, _) in outcome.failures.items()
    }


def expected_statuses(facts: Facts, day: date) -> dict[str, Statuses]:
    """Return the status of every entity of every processor on a date, in the mode of the facts."""
    teams = {t: _team(facts, t, rows, day) for t, rows in facts.histories("TDGS", day).items()}
    shooters = {p: _shooter(facts, p, day) for p in facts.players() if facts.played(p, day)}
    contexts = {p: _context(facts, p, day) for p in facts.context_players(day)}

    def of_players(judge: Callable[[Facts, Row, Rows, date, str], str]) -> Statuses:
        return {
            p: judge(facts, c, facts.played(p, day), day, shooters.get(p, ""))
            for p, c in contexts.items()
        }

    return {
        "TDZA": teams,
        "PSZA": shooters,
        "PCF": {p: BAD if _bad("UPGC", [c]) else ROW for p, c in contexts.items()},
        "PDC": of_players(_cached),
        "ML": of_players(_vector),
    }


def _bad(short: str, rows: Rows) -> bool:
    return any(broken_rule(short, row) for row in rows)


def _context(facts: Facts, player: str, day: date) -> Row:
    context = facts.context("UPGC", player, day)
    assert context is not None
    return context


def _team(facts: Facts, team: str, rows: Rows, day: date) -> str:
    if _bad("TDGS", rows[:15]):
        return BAD
    if len(rows) < 15:
        return FEW
    return INCOMPLETE if facts.lacking(team, rows, day) else ROW


def _shooter(facts: Facts, player: str, day: date) -> str:
    games = facts.played(player, day)
    if _bad("PGS", games[:20]):
        return BAD
    if len(games) < 10:
        return FEW
    return INCOMPLETE if facts.lacking(games[0]["team_abbr"], games, day) else ROW


def _cached(facts: Facts, context: Row, games: Rows, day: date, shooter: str) -> str:
    team_games = facts.history("TOGS", context["team_abbr"], day)[:10]
    if _bad("UPGC", [context]) or _bad("PGS", games) or _bad("TOGS", team_games):
        return BAD
    if len(games) < 5:
        return FEW
    if len(games) < 10 or shooter == INCOMPLETE:
        return MISSING
    return INCOMPLETE if facts.lacking(context["team_abbr"], games, day) else ROW


def _vector(facts: Facts, context: Row, games: Rows, day: date, shooter: str) -> str:
    if _bad("UPGC", [context]) or _bad("PGS", games):
        return BAD
    return (
        ROW if shooter == ROW and _cached(facts, context, games, day, shooter) == ROW else MISSING
    )
