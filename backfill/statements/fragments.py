"""Conditions and expressions in GoogleSQL, shared by several statements."""

from __future__ import annotations

from datetime import date

from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import BY_SHORT
from validation.value_rules import RULES, Rule

IN_SEASON = "game_date >= @season_start AND game_date < DATE_ADD(@season_start, INTERVAL 1 YEAR)"
# For an active player.
TOOK_PART = "(IFNULL(minutes_played, 0) > 0 OR IFNULL(fg_attempts, 0) > 0 OR IFNULL(points, 0) > 0)"
# More dates than these are shown as the range that holds them.
MOST_LISTED_DATES = 10


def number_text(column: Column, value: str) -> str:
    """Return SQL that prints a number with exactly its column's decimals."""
    return (
        f"CAST({value} AS STRING)"
        if column.scale is None
        else f"FORMAT('%.{column.scale}f', {value})"
    )


def impossible(short: str) -> str:
    """Return SQL that is NULL for a possible row, else the text of the resulting failure."""
    cases = "\n      ".join(_broken(BY_SHORT[short], rule) for rule in RULES[short])
    named = f"'impossible value in {BY_SHORT[short]}, game_id ' || game_id"
    return f"{named} || ': ' || CASE\n      {cases}\n    END"


def _broken(table: Table, rule: Rule) -> str:
    """Return the WHEN of a CASE that names the first rule that a row violates."""
    value = number_text(table.by_name[rule.column], rule.column)
    other = ""
    if isinstance(rule.bound, str):
        other = f" || ' > {rule.bound} = ' || {number_text(table.by_name[rule.bound], rule.bound)}"
    broken = f"{rule.column} {rule.comparison} {rule.bound}"
    return f"WHEN {broken} THEN '{rule.column} = ' || {value}{other}"


def newest_first(short: str) -> str:
    """Return the ORDER BY of competing rows of one game: latest first, ties to the larger value,
    column by column.
    """
    return ", ".join(
        f"{name} DESC" for name in dict.fromkeys(("processed_at", *BY_SHORT[short].names))
    )


def literal(value: object) -> str:
    """A parameter's value as GoogleSQL writes it: text, a date, or a list of dates."""
    if isinstance(value, date):
        return f"DATE '{value}'"
    if isinstance(value, (list, tuple)) and len(value) > MOST_LISTED_DATES:
        return f"GENERATE_DATE_ARRAY({literal(min(value))}, {literal(max(value))})"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    text = (
        str(value)
        .replace("\\", "\\\\")
        .replace("'", "\\'")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
    )
    return f"'{text}'"
