"""Two months of a simulated season with one fault of each kind and all processors run.

Long enough to fill every window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from django.test import override_settings

from backfill.execution.execute import DateResult, Step, execute
from backfill.ingest.load import load
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import load_calendar
from backfill.simulation import Fault, plant_faults, write
from backfill.simulation.season import SimulatedSeason, Simulation
from backfill.warehouse import warehouse
from backfill.warehouse.tables import FAILURES, INPUTS
from tests.factories import rewrite
from tests.seasons.inputs import input_file

YEAR, SEED, DAYS = 2021, 1, 65
BATCH = 32


def first_days(year: int = YEAR, seed: int = SEED, days: int = DAYS) -> SimulatedSeason:
    """Return the played part of a simulated season's first days."""
    simulation = Simulation(year, seed)
    for number, fixture in enumerate(simulation.fixtures, start=1):
        if fixture.day < days:
            simulation.play(simulation.heading(number, fixture))
    return SimulatedSeason(year, seed, simulation.tables)


class Simulated:
    """Warehouse with the simulated months loaded and processed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, f"parquet:{folder}/warehouse"
        faulty = plant_faults(first_days())
        self.faults: tuple[Fault, ...] = faulty.faults
        with override_settings(WAREHOUSE_URL=self.url):
            write(faulty.season, folder / "phase3")
            load(folder / "phase3")
            for n in range(0, len(self.dates), BATCH):
                for code in PROCESSORS:
                    self.run(code, self.dates[n : n + BATCH])

    @cached_property
    def start(self) -> date:
        return load_calendar().starts[YEAR]

    @cached_property
    def dates(self) -> list[date]:
        """Return the processing dates, without bootstrap."""
        days = load_calendar().days(self.start, date(YEAR + 1, 6, 30))
        return [day.day for day in days if day.is_computed]

    def run(self, code: str, dates: Sequence[date]) -> list[DateResult]:
        ids = dict.fromkeys(dates, "0123abcd")
        return execute(
            warehouse(),
            Step(
                processor=PROCESSORS[code],
                dates=tuple(dates),
                season_start=self.start,
                started_at=datetime(2022, 7, 1),
                run_ids=ids,
            ),
        )

    @contextmanager
    def without(self, short: str, column: str, days: Sequence[date]) -> Iterator[None]:
        """Set a source column to NULL on some dates and run all processors, within this context."""
        table = next(t for t in INPUTS if t.short == short)
        file = input_file(self.folder / "warehouse", table, YEAR)
        listed = ", ".join(f"DATE '{day}'" for day in days)
        with ExitStack() as stack:
            stack.enter_context(_put_back([file]))
            for code in PROCESSORS:
                stack.enter_context(self.restored(code, days))
            rewrite(
                file,
                f"SELECT * REPLACE (CASE WHEN game_date NOT IN ({listed}) THEN {column} END AS {column}) FROM t",
            )
            for code in PROCESSORS:
                self.run(code, days)
            yield

    @contextmanager
    def restored(self, code: str, dates: Sequence[date]) -> Iterator[None]:
        """Restore all output of a processor for these dates at the end."""
        with _put_back(list(self._files(code, dates))):
            yield

    def _files(self, code: str, dates: Sequence[date]) -> Iterator[Path]:
        output, root = PROCESSORS[code].output, self.folder / "warehouse"
        for day in dates:
            yield root / output.dataset / output.name / f"{output.partition}={day}" / "part.parquet"
            slice_ = f"processor_name={PROCESSORS[code].name}"
            yield (
                root
                / FAILURES.dataset
                / FAILURES.name
                / f"{FAILURES.partition}={day}"
                / slice_
                / "part.parquet"
            )


@contextmanager
def _put_back(files: Sequence[Path]) -> Iterator[None]:
    """Restore these files at the end."""
    contents = {file: file.read_bytes() for file in files}
    try:
        yield
    finally:
        for file, content in contents.items():
            new = file.with_suffix(".new")
            new.write_bytes(content)
            new.replace(file)
