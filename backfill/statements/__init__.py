"""Named statements: one `.sql` file each, in GoogleSQL with Jinja for what the schema and the rules
know already.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backfill.statements import fragments
from backfill.warehouse.tables import TABLES
from validation.categories import BY_NAME, DATE_LEVEL, MISSING_DEPENDENCY, UNKNOWN
from validation.columns import FEATURES, ZONES
from validation.season import FINAL, FIRST_MONTH, SEASON_TYPES

FOLDER = Path(__file__).parent / "sql"


@cache
def environment(folder: Path = FOLDER) -> Environment:
    """The .sql files of a folder, and what all of them may use: tables by short name, fragments,
    rules.
    """
    made = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    made.globals.update(
        t={table.short: table for table in TABLES},
        tables=TABLES,
        impossible=fragments.impossible,
        newest_first=fragments.newest_first,
        number_text=fragments.number_text,
        in_season=fragments.IN_SEASON,
        took_part=fragments.TOOK_PART,
        zones=ZONES,
        features=FEATURES,
        final=FINAL,
        first_month=FIRST_MONTH,
        season_types="'" + "', '".join(SEASON_TYPES) + "'",
        unknown=UNKNOWN,
        missing=MISSING_DEPENDENCY,
        date_level=DATE_LEVEL,
        retryable=", ".join(f"'{c.name}'" for c in BY_NAME.values() if c.can_retry),
    )
    return made


@lru_cache(maxsize=512)
def render(name: str, **values: object) -> str:
    """Return the GoogleSQL of one statement. Values must be hashable; parameters stay as `@name`."""
    return environment().get_template(f"{name}.sql").render(values).strip()
