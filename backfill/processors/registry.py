"""The five processors, in chain order: what each writes, reads and waits for."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.errors import Refused
from backfill.warehouse import tables
from backfill.warehouse.schema import Table
from validation.expectation import CODES, ML, PCF, PDC, PSZA, TDZA
from validation.thresholds import COMPOSITE, DAILY_CACHE, FEATURE_STORE, SHOT_ZONES, TEAM_DEFENSE


@dataclass(frozen=True, kw_only=True)
class Processor:
    """One processor.

    `population` is the source whose entities it must account for, `after` what must run before it,
    `sources` and `reads` the Phase 3 and Phase 4 tables that its values come from, `numbers` the
    windows and thresholds that its .sql is rendered with.

    `examined` are the sources whose impossible values fail its entities, `no_completeness` the
    reason why normal mode makes no completeness check, and `forgets` whether its windows reach
    back only some days instead of to the start of the season.
    """

    code: str
    name: str
    output: Table
    population: Table
    sources: tuple[Table, ...]
    after: tuple[str, ...]
    reads: tuple[Table, ...]
    label: str
    numbers: object
    examined: tuple[Table, ...]
    no_completeness: str = ""
    forgets: bool = False

    @property
    def is_about_teams(self) -> bool:
        """Whether its entities are teams, not players."""
        return self.output.entity == "team_abbr"


def _declare(  # noqa: PLR0913 - one keyword per fact of a processor
    code: str,
    name: str,
    label: str,
    *,
    sources: str,
    numbers: object,
    after: str = "",
    reads: str = "",
    examined: str = "",
    no_completeness: str = "",
    forgets: bool = False,
) -> Processor:
    """Name the tables by their short names; the first source is the population.

    All sources are examined unless `examined` names some of them.
    """
    inputs, upstream, suspects = (
        tuple(getattr(tables, short) for short in names.split())
        for names in (sources, reads, examined)
    )
    return Processor(
        code=code,
        name=name,
        output=getattr(tables, code),
        population=inputs[0],
        sources=inputs,
        after=tuple(after.split()),
        reads=upstream,
        label=label,
        numbers=numbers,
        examined=suspects or inputs,
        no_completeness=no_completeness,
        forgets=forgets,
    )


CHAIN = CODES
_DECLARED = (
    _declare(
        TDZA,
        "TeamDefenseZoneAnalysisProcessor",
        "Team defense by shot zone",
        sources="TDGS",
        numbers=TEAM_DEFENSE,
        forgets=True,
    ),
    _declare(
        PSZA,
        "PlayerShotZoneAnalysisProcessor",
        "Player shot zones",
        sources="PGS",
        numbers=SHOT_ZONES,
    ),
    _declare(
        PCF,
        "PlayerCompositeFactorsProcessor",
        "Composite factors",
        sources="UPGC",
        after="TDZA PSZA",
        reads="TDZA PSZA",
        numbers=COMPOSITE,
        no_completeness="PCF reads no history and has no such check",
    ),
    _declare(
        PDC,
        "PlayerDailyCacheProcessor",
        "Daily cache",
        sources="UPGC PGS TOGS",
        after="TDZA PSZA PCF",
        reads="PSZA",
        numbers=DAILY_CACHE,
    ),
    _declare(
        ML,
        "MLFeatureStoreProcessor",
        "Feature store",
        sources="UPGC PGS TOGS",
        after="TDZA PSZA PCF PDC",
        reads="TDZA PSZA PCF PDC",
        numbers=FEATURE_STORE,
        examined="UPGC PGS",
    ),
)
PROCESSORS = {p.code: p for p in sorted(_DECLARED, key=lambda p: CHAIN.index(p.code))}
BY_NAME = {p.name: p for p in PROCESSORS.values()}


def processor(name: str) -> Processor:
    """A processor by its code or its full name, in any case. Raises Refused."""
    for found in PROCESSORS.values():
        if name.upper() == found.code or name.lower() == found.name.lower():
            return found
    raise Refused(unknown_processor(name))


def unknown_processor(name: str) -> str:
    """The sentence that refuses a name and lists the right ones."""
    return f"{name!r} is no processor; choose from {', '.join(CHAIN)}"
