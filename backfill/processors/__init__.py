"""The five processors, in chain order: what each writes, reads and waits for."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.errors import Refused
from backfill.warehouse import tables
from backfill.warehouse.schema import Table


@dataclass(frozen=True)
class Processor:
    """One processor.

    `population` is the source whose entities it must account for, `after` what must run before it, `sources` and
    `reads` the Phase 3 and Phase 4 tables that its numbers come from.
    """

    code: str
    name: str
    output: Table
    population: Table
    sources: tuple[Table, ...]
    after: tuple[str, ...]
    reads: tuple[Table, ...]
    label: str


def _declare(code: str, name: str, label: str, sources: str, after: str, reads: str) -> Processor:
    """Name the tables by their short names; the first source is the population."""
    inputs, upstream = (tuple(getattr(tables, short) for short in names.split()) for names in (sources, reads))
    return Processor(code, name, getattr(tables, code), inputs[0], inputs, tuple(after.split()), upstream, label)


PROCESSORS = {
    p.code: p
    for p in (
        _declare("TDZA", "TeamDefenseZoneAnalysisProcessor", "Team defense by shot zone", "TDGS", "", ""),
        _declare("PSZA", "PlayerShotZoneAnalysisProcessor", "Player shot zones", "PGS", "", ""),
        _declare("PCF", "PlayerCompositeFactorsProcessor", "Composite factors", "UPGC", "TDZA PSZA", "TDZA PSZA"),
        _declare("PDC", "PlayerDailyCacheProcessor", "Daily cache", "UPGC PGS TOGS", "TDZA PSZA PCF", "PSZA"),
        _declare("ML", "MLFeatureStoreProcessor", "Feature store", "UPGC PGS TOGS", "TDZA PSZA PCF PDC", "TDZA PSZA PCF PDC"),
    )
}
CHAIN = tuple(PROCESSORS)
BY_NAME = {p.name: p for p in PROCESSORS.values()}


def processor(name: str) -> Processor:
    """A processor by its code or its full name, in any case. Raises Refused."""
    for found in PROCESSORS.values():
        if name.upper() == found.code or name.lower() == found.name.lower():
            return found
    raise Refused(f"{name!r} is no processor; choose from {', '.join(CHAIN)}")
