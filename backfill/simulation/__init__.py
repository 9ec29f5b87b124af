"""Made-up but lifelike seasons as Phase 3 data, with or without the faults that operators meet."""

from backfill.simulation.faults import Fault, FaultySeason, Kind, plant_faults
from backfill.simulation.parquet import write
from backfill.simulation.season import Season, simulate

__all__ = ["Fault", "FaultySeason", "Kind", "Season", "plant_faults", "simulate", "write"]
