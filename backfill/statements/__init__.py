"""Named statements: one `.sql` file each, in GoogleSQL with Jinja for values of schema and rules."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from backfill.statements import fragments
from backfill.warehouse.tables import BY_SHORT, TABLES
from validation.categories import BY_NAME, DATE_LEVEL, MISSING_DEPENDENCY, UNKNOWN
from validation.columns import FEATURES, ZONES
from validation.season import FINAL, SEASON_TYPES

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "sql"


@cache
def environment(*folders: Path) -> Environment:
    """Return the .sql files of some folders, by default of this package, with the names available
    to all: tables by short name, fragments, rules.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from backfill.statements.compiled import CompiledTemplates

    made = Environment(
        bytecode_cache=CompiledTemplates(FOLDER.parent / "__pycache__"),
        loader=FileSystemLoader(folders or (FOLDER,)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    made.globals.update(
        t=BY_SHORT,
        tables=TABLES,
        impossible=fragments.impossible,
        newest_first=fragments.newest_first,
        number_text=fragments.number_text,
        in_season=fragments.IN_SEASON,
        took_part=fragments.TOOK_PART,
        zones=ZONES,
        features=FEATURES,
        final=FINAL,
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
