"""Processor declarations in chain order, with their inputs, outputs and dependencies.

Code reads the registry at each use, so tests can register a processor temporarily.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backfill.errors import Refused
from backfill.warehouse import tables
from backfill.warehouse.schema import Table
from validation.processor_rules import (
    CODES,
    ML,
    PCF,
    PDC,
    PSZA,
    RULES,
    TDZA,
    ProcessorRules,
    add_rules,
    remove_rules,
)
from validation.thresholds import COMPOSITE, DAILY_CACHE, FEATURE_STORE, SHOT_ZONES, TEAM_DEFENSE


@dataclass(frozen=True, kw_only=True, eq=False)
class Processor:
    """Processor declaration.

    `rules` are its dependencies and expected failures. `sources` are the Phase 3 tables of its
    values; the first is its population. `numbers` are the windows and thresholds in its .sql.
    `meaning` is its description in the guide.

    `examined` are the sources whose impossible values fail its entities. `no_completeness` is the
    reason for no completeness check in normal mode. `forgets` is True if its windows start some
    days back instead of at the start of the season.

    `sql_folder` has its .sql file (default: `sql` in this package).
    """

    rules: ProcessorRules
    name: str
    label: str
    meaning: str
    output: Table
    sources: tuple[Table, ...]
    examined: tuple[Table, ...]
    numbers: object = None
    no_completeness: str = ""
    forgets: bool = False
    sql_folder: Path | None = None

    @property
    def code(self) -> str:
        """Short name."""
        return self.rules.code

    @property
    def population(self) -> Table:
        """Source that defines its entities."""
        return self.sources[0]

    @property
    def after(self) -> tuple[str, ...]:
        """Upstream processors."""
        return self.rules.after

    @property
    def reads(self) -> tuple[Table, ...]:
        """Phase 4 tables that it reads."""
        return tuple(PROCESSORS[code].output for code in self.rules.reads)

    @property
    def required(self) -> tuple[Processor, ...]:
        """Processors whose row every entity requires."""
        return tuple(PROCESSORS[code] for code in self.rules.requires)

    @property
    def is_about_teams(self) -> bool:
        """True if its entities are teams, False for players."""
        return self.rules.is_about_teams


def _declare(
    code: str, name: str, label: str, *, sources: str, examined: str = "", **facts: Any
) -> Processor:
    """Declare a processor with tables by short name; `examined` defaults to all sources."""
    inputs, suspects = (
        tuple(tables.BY_SHORT[short] for short in names.split()) for names in (sources, examined)
    )
    return Processor(
        rules=RULES[code],
        name=name,
        label=label,
        output=tables.BY_SHORT[code],
        sources=inputs,
        examined=suspects or inputs,
        **facts,
    )


CHAIN = CODES
_DECLARED = (
    _declare(
        TDZA,
        "TeamDefenseZoneAnalysisProcessor",
        "Team defense by shot zone",
        meaning=(
            "points that a team allows by zone (paint, mid-range, three) over its last games, "
            "compared with the league."
        ),
        sources="TDGS",
        numbers=TEAM_DEFENSE,
        forgets=True,
    ),
    _declare(
        PSZA,
        "PlayerShotZoneAnalysisProcessor",
        "Player shot zones",
        meaning=(
            "shots of a player by zone, with accuracy and assists. It covers every player of "
            "the season to date, so its failure rate has a stable base."
        ),
        sources="PGS",
        numbers=SHOT_ZONES,
    ),
    _declare(
        PCF,
        "PlayerCompositeFactorsProcessor",
        "Composite factors",
        meaning=(
            "adjustment in points for fatigue, matchup, pace and usage. A missing upstream row "
            "scores neutral and is not a failure."
        ),
        sources="UPGC",
        numbers=COMPOSITE,
        no_completeness="PCF reads no history, so it has no completeness check",
    ),
    _declare(
        PDC,
        "PlayerDailyCacheProcessor",
        "Daily cache",
        meaning="daily summary of a player. Requires the player's PSZA row.",
        sources="UPGC PGS TOGS",
        numbers=DAILY_CACHE,
    ),
    _declare(
        ML,
        "MLFeatureStoreProcessor",
        "Feature store",
        meaning="feature vector of the model. Requires the PDC row and its inputs.",
        sources="UPGC PGS TOGS",
        numbers=FEATURE_STORE,
        examined="UPGC PGS",
    ),
)
PROCESSORS = {found.code: found for found in _DECLARED}
BY_NAME = {found.name: found for found in _DECLARED}


def register(added: Processor) -> None:
    """Add a processor at the end of the chain, with its table and rules. Raises ValueError."""
    add_rules(added.rules)
    tables.add_table(added.output)
    PROCESSORS[added.code] = BY_NAME[added.name] = added


def unregister(code: str) -> None:
    """Remove a registered processor. Raises ValueError while another one requires it."""
    remove_rules(code)
    gone = PROCESSORS.pop(code)
    tables.remove_table(gone.output)
    del BY_NAME[gone.name]


@contextmanager
def registered(added: Processor) -> Iterator[Processor]:
    """Register a processor during a block."""
    register(added)
    try:
        yield added
    finally:
        unregister(added.code)


def processor(name: str) -> Processor:
    """Return a processor by its code or full name, case-insensitive. Raises Refused."""
    for found in PROCESSORS.values():
        if name.upper() == found.code or name.lower() == found.name.lower():
            return found
    raise Refused(unknown_processor(name))


def unknown_processor(name: str) -> str:
    """Return the refusal of an unknown name, with the valid names."""
    return f"unknown processor {name!r}; choose from {', '.join(CHAIN)}"
