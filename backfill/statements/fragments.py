"""Conditions and expressions in GoogleSQL that several statements share."""

from __future__ import annotations

from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import TABLES
from validation.value_rules import RULES, Rule

BY_SHORT = {table.short: table for table in TABLES}
IN_SEASON = "game_date >= @season_start AND game_date < DATE_ADD(@season_start, INTERVAL 1 YEAR)"
# Of an active player.
TOOK_PART = "(IFNULL(minutes_played, 0) > 0 OR IFNULL(fg_attempts, 0) > 0 OR IFNULL(points, 0) > 0)"


def number_text(column: Column, value: str) -> str:
    """SQL that prints a number with exactly its column's decimals."""
    return (
        f"CAST({value} AS STRING)"
        if column.scale is None
        else f"FORMAT('%.{column.scale}f', {value})"
    )


def impossible(short: str) -> str:
    """SQL that is NULL for a possible row, else the text of the failure that the row causes."""
    cases = "\n      ".join(_broken(BY_SHORT[short], rule) for rule in RULES[short])
    named = f"'impossible value in {BY_SHORT[short]}, game_id ' || game_id"
    return f"{named} || ': ' || CASE\n      {cases}\n    END"


def _broken(table: Table, rule: Rule) -> str:
    """One WHEN of the CASE that names the first rule that a row breaks."""
    value = number_text(table.by_name[rule.column], rule.column)
    other = ""
    if isinstance(rule.bound, str):
        other = f" || ' > {rule.bound} = ' || {number_text(table.by_name[rule.bound], rule.bound)}"
    broken = f"{rule.column} {rule.comparison} {rule.bound}"
    return f"WHEN {broken} THEN '{rule.column} = ' || {value}{other}"


def newest_first(short: str) -> str:
    """The order in which rows of one game compete: latest first, ties to the larger value, column
    by column.
    """
    return ", ".join(
        f"{name} DESC" for name in dict.fromkeys(("processed_at", *BY_SHORT[short].names))
    )
