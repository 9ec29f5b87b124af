"""Defects in source rows: gaps, impossible numbers, second versions of a game."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from backfill.warehouse.schema import Column
from tests.oracle.outcome import TABLES, Row, Rows, Tables

RANGES: dict[str, tuple[int, int]] = {
    "minutes_played": (0, 48),
    "points": (0, 40),
    "ft_attempts": (6, 12),
    "ft_makes": (0, 6),
    "usage_rate": (5, 40),
    "ts_pct": (0, 1),
    "points_in_paint_allowed": (30, 60),
    "blocks_paint": (0, 6),
    "blocks_mid_range": (0, 3),
    "blocks_three_pt": (0, 2),
    "points_allowed": (80, 130),
    "defensive_rating": (95, 125),
    "opponent_pace": (92, 106),
    "points_scored": (80, 130),
    "pace": (92, 106),
    "offensive_rating": (95, 125),
    "days_rest": (0, 5),
    "games_in_last_7_days": (0, 5),
    "games_in_last_14_days": (0, 9),
    "back_to_backs_last_14_days": (0, 3),
    "minutes_in_last_7_days": (0, 300),
    "minutes_in_last_14_days": (0, 500),
    "avg_minutes_per_game_last_7": (25, 42),
    "fourth_quarter_minutes_last_7": (0, 60),
    "player_age": (19, 40),
    "projected_usage_rate": (15, 35),
    "avg_usage_rate_last_7_games": (15, 35),
    "star_teammates_out": (0, 3),
    "pace_differential": (-8, 8),
    "opponent_pace_last_10": (92, 106),
    "opponent_days_rest": (0, 5),
    "game_total": (200, 240),
    "game_spread": (-15, 15),
}
# Largest possible value of a column, or the column that limits it.
CEILINGS: dict[str, int | str] = {
    "minutes_played": 70,
    **dict.fromkeys(("usage_rate", "projected_usage_rate", "avg_usage_rate_last_7_games"), 100),
    **{
        f"{shot}_makes": f"{shot}_attempts"
        for shot in ("fg", "paint", "mid_range", "three_pt", "ft")
    },
    **{f"opp_{zone}_makes": f"opp_{zone}_attempts" for zone in ("paint", "mid_range", "three_pt")},
    **dict.fromkeys(("assisted_fg_makes", "unassisted_fg_makes"), "fg_makes"),
}


@dataclass(frozen=True)
class Chances:
    """Frequency of each defect: in percent, `impossible` per thousand."""

    nulls: int = 0
    unknown: int = 0
    impossible: int = 0
    copies: int = 0


NOTHING_WRONG = Chances()


def any_game(rng: Random) -> str:
    """Return a game id without a game."""
    return f"00223{rng.randrange(99999):05d}"


def number(rng: Random, column: Column) -> int | Decimal:
    low, high = RANGES[column.name]
    if not column.scale:
        return rng.randint(low, high)
    return Decimal(rng.randint(low * 10**column.scale, high * 10**column.scale)).scaleb(
        -column.scale
    )


def spoiled(rng: Random, chances: Chances, short: str, rows: Rows) -> Rows:
    """Return the rows with gaps, impossible numbers and second versions, in random order."""
    nullable = [c.name for c in TABLES[short].columns if c.nullable and c.name != "is_active"]
    unknown = _unknown(rng, chances, nullable, {row[TABLES[short].entity] for row in rows})
    spoiled = []
    for row in rows:
        gaps = [c for c in nullable if 100 * rng.random() < chances.nulls]
        gappy = {c: row.get(c) for c in TABLES[short].names} | dict.fromkeys(
            (*gaps, *unknown[row[TABLES[short].entity]])
        )
        broken = _impossible(rng, short, gappy) if 1000 * rng.random() < chances.impossible else {}
        spoiled.append(gappy | broken)
    spoiled += [
        _copy(rng, short, row, nullable) for row in spoiled if 100 * rng.random() < chances.copies
    ]
    return rng.sample(spoiled, len(spoiled))


def _unknown(
    rng: Random, chances: Chances, nullable: list[str], entities: set[str]
) -> dict[str, list[str]]:
    """Return columns that are NULL in every row of the table, or of one team or player."""
    everywhere = [c for c in nullable if 100 * rng.random() < chances.unknown / 2]
    return {
        e: everywhere + [c for c in nullable if 100 * rng.random() < chances.unknown / 2]
        for e in sorted(entities)
    }


def _impossible(rng: Random, short: str, row: Row) -> Row:
    """Set one number out of bounds, or sometimes just within them."""
    column = rng.choice(
        [c for c in TABLES[short].columns if c.nullable and c.type.startswith(("INT64", "NUMERIC"))]
    )
    unit = Decimal(1).scaleb(-column.scale) if column.scale else 1
    ceiling = CEILINGS.get(column.name)
    highest = row[ceiling] if isinstance(ceiling, str) else ceiling
    if highest is not None and rng.random() < 0.7:
        return {column.name: highest + unit * rng.choice((0, 1, 1, 1))}
    return {column.name: -unit * rng.choice((0, 1, 1, 7))}


def _copy(rng: Random, short: str, row: Row, nullable: list[str]) -> Row:
    """Return another version of a game: earlier, equally old or later, perhaps on another date."""
    copy = row | {"processed_at": row["processed_at"] + timedelta(hours=rng.choice((-1, 0, 0, 1)))}
    for column in rng.sample(nullable, 3):
        copy[column] = _changed(rng, TABLES[short].by_name[column])
    if short in ("UPGC", "UTGC"):
        return copy | rng.choice(({}, {"game_id": any_game(rng)}))
    if short == "PGS" and rng.random() < 0.1:
        copy["is_active"] = rng.choice((False, None))
    return copy | {
        "game_date": row["game_date"] + timedelta(days=rng.choice((0, 0, 0, -2, 2, -60, 60)))
    }


def _changed(rng: Random, column: Column) -> Any:
    """Return another plausible value; NULL where a value alone could be impossible."""
    if column.name in RANGES and not column.name.startswith("ft_"):
        return number(rng, column)
    return rng.choice((True, False, None)) if column.type == "BOOL" else None


def spoiled_upstream(rng: Random, tables: Tables) -> Tables:
    """Change Phase 4 rows as no chain writes them: remove some, set NULLs, add players.

    Covers formulas that a consistent chain never reaches, such as the feature store's fallbacks.
    """
    wanted = {(row["player_lookup"], row["game_date"]) for row in tables["UPGC"]}
    upstream: Tables = {
        short: _thinned(rng, short, tables[short])
        for short in ("TDZA", "PSZA", "PCF", "PDC")
        if short in tables
    }
    invented: Tables = {
        short: _invented(rng, short, rows, wanted)
        for short, rows in upstream.items()
        if short != "TDZA"
    }
    logged = [row for row in tables.get("FAILURES", []) if rng.random() < 0.7]
    return (
        tables
        | {short: rows + invented.get(short, []) for short, rows in upstream.items()}
        | {"FAILURES": logged}
    )


def _thinned(rng: Random, short: str, rows: Rows) -> Rows:
    nullable = [c.name for c in TABLES[short].columns if c.nullable]
    chance = rng.choice((0, 0.2, 0.8))
    return [
        row | {c: None for c in nullable if rng.random() < chance}
        for row in rows
        if rng.random() < 0.85
    ]


def _invented(rng: Random, short: str, rows: Rows, wanted: set[tuple[str, date]]) -> Rows:
    """Make rows for the day's players without one, taken from other players."""
    table = TABLES[short]
    absent = sorted(wanted - {(row[table.entity], row[table.partition]) for row in rows})
    keys = [
        {table.entity: player, table.partition: day} for player, day in absent if rng.random() < 0.5
    ]
    return [rng.choice(rows) | key for key in keys] if rows else []
