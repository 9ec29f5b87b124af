"""The five processors, in chain order: what each writes, reads and waits for."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.errors import Refused
from backfill.warehouse import tables
from backfill.warehouse.schema import Table


@dataclass(frozen=True)
class Processor:
    """One processor. `population` names the source whose entities it must account for; `after` what must run before."""

    code: str
    name: str
    output: Table
    population: Table
    after: tuple[str, ...]
    label: str


PROCESSORS = {
    p.code: p
    for p in (
        Processor("TDZA", "TeamDefenseZoneAnalysisProcessor", tables.TDZA, tables.TDGS, (), "Team defense by shot zone"),
        Processor("PSZA", "PlayerShotZoneAnalysisProcessor", tables.PSZA, tables.PGS, (), "Player shot zones"),
        Processor("PCF", "PlayerCompositeFactorsProcessor", tables.PCF, tables.UPGC, ("TDZA", "PSZA"), "Composite factors"),
        Processor("PDC", "PlayerDailyCacheProcessor", tables.PDC, tables.UPGC, ("TDZA", "PSZA", "PCF"), "Daily cache"),
        Processor("ML", "MLFeatureStoreProcessor", tables.ML, tables.UPGC, ("TDZA", "PSZA", "PCF", "PDC"), "Feature store"),
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
