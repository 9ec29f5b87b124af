"""Expected failures that exist only because Phase 3 rows are missing: the expectation with and
without the missing games.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from validation.coverage import Coverage
from validation.expectation import FEW, MISSING, ROW, SeasonGames, expected
from validation.inputs.cost import of_entities, repaired
from validation.inputs.problem import TABLE_NAMES, RowKey
from validation.processor_rules import DEFENSE_TABLE, OFFENSE_TABLE, PLAYER_TABLE

Key = tuple[str, date]  # processor and date
CONTEXT_TABLE = "UPGC"
SHORT = {name: code for code, name in TABLE_NAMES.items()}
COUNTED = (PLAYER_TABLE, DEFENSE_TABLE, OFFENSE_TABLE)


@dataclass(frozen=True, kw_only=True)
class MissingRows:
    """Entities per (processor, date) that would have a row with the missing games, each with the
    dates of these games. Teams are exact; who played is an estimate.
    """

    entities: Mapping[Key, Mapping[str, tuple[date, ...]]] = field(default_factory=dict)

    def of(self, key: Key, failures: Mapping[str, str]) -> dict[str, int]:
        """Count, by category, the failures that exist only because of missing rows."""
        found = self.entities.get(key, ())
        return dict(Counter(failures[entity] for entity in found if entity in failures))

    def by_date(self, failed: Mapping[Key, Collection[str]]) -> Counter[date]:
        """Count the failures that the games of each missing date would have prevented."""
        return Counter(
            gap
            for key, found in self.entities.items()
            for entity, gaps in found.items()
            if entity in failed.get(key, ())
            for gap in gaps
        )


def missing_rows(
    facts: SeasonGames, dates: Sequence[date], coverage: Iterable[Coverage]
) -> MissingRows:
    """Return the failures on these dates that the games without rows cause."""
    absent = _absent(facts, coverage)
    if not absent:
        return MissingRows()
    days: dict[str, set[date]] = defaultdict(set)
    for row in absent:
        days[row.entity].add(row.day)
    actual = of_entities(facts, {*days})
    fixed = repaired(actual, [(None, row) for row in absent])
    first = min(row.day for row in absent)
    found: dict[Key, dict[str, tuple[date, ...]]] = {}
    for day in dates:
        if day <= first:
            continue
        before = expected(actual, day)
        for code, statuses in expected(fixed, day).items():
            for entity, status in statuses.items():
                if status == ROW and before[code].get(entity) in (FEW, MISSING):
                    gaps = tuple(sorted(gap for gap in days[entity] if gap < day))
                    found.setdefault((code, day), {})[entity] = gaps
    return MissingRows(entities=found)


def _absent(facts: SeasonGames, coverage: Iterable[Coverage]) -> list[RowKey]:
    """Return a row per team, or per likely player, of each game without its rows."""
    gaps: dict[str, set[date]] = defaultdict(set)
    for cell in coverage:
        if cell.is_missing or cell.is_low:
            gaps[SHORT[cell.table.rpartition(".")[2]]].add(cell.date)
    games = {(team, day): game for team, found in facts.schedule.items() for day, game in found}
    return [
        RowKey(table, entity, day, games[team, day], team)
        for table in COUNTED
        for entity, history in (facts.histories(table).items() if gaps[table] else ())
        for day in gaps[table] - {row.day for row in history.rows}
        for team in [entity if table != PLAYER_TABLE else _team(facts, gaps, entity, day)]
        if (team, day) in games
    ]


def _team(facts: SeasonGames, gaps: Mapping[str, set[date]], player: str, day: date) -> str:
    """Return the team for which a player without a row played on a date; empty if he did not. By
    the context row or, if that is missing too, by the games of the team before and after.
    """
    named = next((c.team for c in facts.contexts.get(day, ()) if c.player == player), "")
    if named or day not in gaps[CONTEXT_TABLE]:
        return named
    teams = {row.day: row.team for row in facts.player(player).rows if row.counts}
    nearest = [max((d for d in teams if d < day), default=None)]
    nearest.append(min((d for d in teams if d > day), default=None))
    for team in dict.fromkeys(teams[d] for d in nearest if d):
        days = [d for d, _ in facts.schedule.get(team, ()) if d not in gaps[PLAYER_TABLE]]
        around = [max((d for d in days if d < day), default=None)]
        around.append(min((d for d in days if d > day), default=None))
        if all(teams.get(d) == team for d in around if d):
            return team
    return ""
