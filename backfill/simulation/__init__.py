"""Simulated, realistic seasons as Phase 3 data, with or without typical faults."""

from backfill.simulation.faults import Fault, FaultKind, FaultySeason, plant_faults
from backfill.simulation.parquet import write
from backfill.simulation.season import SimulatedSeason, simulate

__all__ = [
    "Fault",
    "FaultKind",
    "FaultySeason",
    "SimulatedSeason",
    "plant_faults",
    "simulate",
    "write",
]
