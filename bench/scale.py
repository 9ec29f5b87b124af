"""Four seasons on BigQuery: jobs and bytes by batch size, and duration by number of workers.

    .venv/bin/python bench/scale.py [--seasons 4] [--seeds 9] [--versions none|first|overwrite]

Nothing runs on BigQuery: plans and step order are the product's, and time is simulated from the
latencies and limits below, so hours take seconds. Results are in docs/scale.md.
"""

from __future__ import annotations

import argparse
import heapq
import os
import re
import statistics
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
django.setup()

from backfill.plan.options import Options  # noqa: E402
from backfill.plan.planning import Plan, PlannedAction, plan  # noqa: E402
from backfill.processors.registry import CHAIN, PROCESSORS  # noqa: E402
from backfill.processors.render import accounted, render  # noqa: E402
from backfill.simulation.dates import opening_night  # noqa: E402
from backfill.simulation.schedule import schedule  # noqa: E402
from backfill.simulation.season import generator  # noqa: E402
from backfill.warehouse.bigquery.kept import WRITES  # noqa: E402
from backfill.warehouse.schema import Table  # noqa: E402
from backfill.warehouse.tables import FAILURES, HISTORY, TABLES  # noqa: E402
from validation.season import Calendar, Game, dates_between  # noqa: E402

# BigQuery's size of a value; a string has two bytes more than its letters, about twelve for keys
# and names.
BYTES = {
    "INT64": 8,
    "FLOAT64": 8,
    "BOOL": 1,
    "DATE": 8,
    "TIMESTAMP": 8,
    "STRING": 14,
    "ARRAY<FLOAT64>": 25 * 8,
    "ARRAY<STRING>": 25 * 20,
}
NUMERIC_BYTES = 16
# Rows per season: 1,230 games; a player has a row per game played or expected, a team one per
# processing date.
PLAYER_ROWS, TEAM_ROWS, DATES, GAMES = 32_000, 2_460, 165, 1_230
ROWS = {
    "PGS": PLAYER_ROWS,
    "UPGC": PLAYER_ROWS,
    "TDGS": TEAM_ROWS,
    "TOGS": TEAM_ROWS,
    "UTGC": TEAM_ROWS,
    "SCHED": GAMES,
    "TDZA": 30 * DATES,
    "PSZA": 75_000,
    "PCF": PLAYER_ROWS,
    "PDC": PLAYER_ROWS,
    "ML": PLAYER_ROWS,
    "FAILURES": 30_000,
    "HISTORY": 825,
    "WRITES": 1_650,
}
LEAST_BYTES = 10 * 2**20  # minimum charge for each table in a statement
DOLLARS_PER_TIB = 6.25

# Seconds, lognormal: half take less than the median, one in twenty about twice as long, and one in
# a hundred waits in a queue. In addition to its jobs, a step queries the database and Redis and
# reads the staged rows.
SELECT_SECONDS, MERGE_SECONDS, SPREAD = 1.5, 2.5, 0.45
# Appending inserts: one of a few values, and a transaction of three.
NOTE_SECONDS, COPY_SECONDS = 1.5, 3.0
STRAGGLER, STRAGGLES = 0.01, 6.0
OVERHEAD_SECONDS = 0.6
# Limits per table: mutating statements that run, and that wait; one more is rejected and retried.
DML_AT_ONCE, DML_WAITING = 2, 20
FIRST_RETRY_SECONDS = 1.0


def calendar(first: int, seasons: int) -> Calendar:
    """Return the schedules of simulated seasons."""
    years = range(first, first + seasons)
    days = (
        (y, opening_night(y) + timedelta(f.day))
        for y in years
        for f in schedule(y, generator(y, 1, "calendar"))
    )
    return Calendar(Game(game_date=day, season_year=year) for year, day in days)


def planned(seasons: int, batch_size: int) -> Plan:
    """Return the product's plan of these seasons."""
    found = calendar(2021, seasons)
    start, end = found.games[0].game_date, found.games[-1].game_date
    return plan(
        Options(start=start, end=end, batch_size=batch_size),
        [found.day(d) for d in dates_between(start, end)],
        set(),
    )


# Statements sent


def season_bytes(table: Table) -> int:
    """Return the bytes of a season of a table."""
    row = sum(BYTES.get(c.type, NUMERIC_BYTES) for c in table.columns)
    return row * ROWS[table.short]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Job: the table that it changes (none for a SELECT or an append), the tables that it reads,
    number of dates, median seconds if it is neither a SELECT nor a MERGE.
    """

    changes: str
    reads: tuple[Table, ...]
    dates: int
    median: float = SELECT_SECONDS

    @property
    def charged(self) -> int:
        """Return the maximum bytes: all columns; of an input the season, of an output the dates;
        staged rows are negligible.
        """
        shares = (
            (t, 1.0 if t.kind == "input" else min(1.0, self.dates / DATES)) for t in self.reads
        )
        return sum(
            max(LEAST_BYTES, int(season_bytes(t) * share)) for t, share in shares
        ) + LEAST_BYTES * bool(self.changes)


def selected(code: str) -> tuple[Table, ...]:
    """Return the tables in the SELECT of a processor."""
    sql = accounted(code, render(code), render(code, "population"))
    return tuple(table for table in TABLES if re.search(rf"\b{re.escape(str(table))}\b", sql))


READ = {code: selected(code) for code in CHAIN}


def statements(code: str, actions: Counter[PlannedAction], versions: str) -> list[Statement]:
    """Return the statements of one step, in order: see backfill.execution.step, .execution and
    .recording.

    `versions` is none, first if nothing is replaced, or overwrite.
    """
    output, dates = PROCESSORS[code].output, actions.total()
    both = (FAILURES, output)
    writes = [Statement(changes=str(table), reads=(table,), dates=dates) for table in both]
    tokens = Statement(changes="", reads=(WRITES, *both), dates=dates)
    note = Statement(changes="", reads=(), dates=dates, median=NOTE_SECONDS)
    compare = Statement(changes="", reads=(*both, *both), dates=dates)  # staged rows, live rows
    of_copy = (FAILURES, WRITES, output, WRITES)
    copied = Statement(changes="", reads=of_copy, dates=dates, median=COPY_SECONDS)
    kept = {"none": [], "first": [tokens, note], "overwrite": [tokens, compare, copied]}[versions]
    emptied = [*([copied] if versions != "none" else []), *writes]  # of bootstrap dates
    selected = Statement(changes="", reads=READ[code], dates=dates)
    return [
        *(emptied if actions[PlannedAction.SKIP] else []),
        *([selected, *kept, *writes] if actions[PlannedAction.RUN] else []),
        Statement(changes=str(HISTORY), reads=(HISTORY,), dates=dates),
    ]


def batches(made: Plan, versions: str) -> list[dict[str, list[Statement]]]:
    """Return the statements of each step, per batch."""
    actions: dict[int, dict[str, Counter[PlannedAction]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    for run in made.todo:
        actions[run.batch][run.processor][run.action] += 1
    return [
        {code: statements(code, actions[n][code], versions) for code in CHAIN if code in actions[n]}
        for n in range(made.batches)
    ]


# Duration


@dataclass
class Lines:
    """Mutating statements of one table: running and waiting."""

    running: int = 0
    waiting: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)


class World:
    """BigQuery, workers and clock, as a discrete event simulation."""

    def __init__(self, made: Plan, workers: int, parallel: int, seed: int, versions: str) -> None:
        self.todo, self.free, self.parallel, self.rng = (
            deque(batches(made, versions)),
            workers,
            parallel,
            Random(seed),
        )
        self.now, self.events, self.ready = (
            0.0,
            list[tuple[float, int, Callable[[], None]]](),
            deque[Callable[[], None]](),
        )
        self.tables: dict[str, Lines] = defaultdict(Lines)
        self.counts, self.in_flight, self.number = Counter[str](), 0, 0

    def run(self) -> float:
        """Return the seconds until the end: first the canary alone, then as many batches as
        allowed.
        """
        self.send(self.todo.popleft())
        while self.events:
            self.now, _, happen = heapq.heappop(self.events)
            happen()
        return self.now

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Schedule an event."""
        self.number += 1
        heapq.heappush(self.events, (self.now + seconds, self.number, happen))

    def send(self, batch: dict[str, list[Statement]]) -> None:
        """Run chain(chord([TDZA, PSZA], PCF), PDC, ML): a step is queued when its predecessors have
        ended.
        """
        self.in_flight += 1
        first = [code for code in batch if not PROCESSORS[code].after]
        rest = deque(code for code in batch if code not in first)
        left = len(first)

        def ended() -> None:
            nonlocal left
            left -= 1
            if left <= 0 and rest:
                self.ring(batch[rest.popleft()], ended)
            elif left <= 0:
                self.in_flight -= 1
                while self.todo and self.in_flight < self.parallel:
                    self.send(self.todo.popleft())

        for code in first:
            self.ring(batch[code], ended)

    def ring(self, step: list[Statement], ended: Callable[[], None]) -> None:
        """Start a step when a worker is free."""
        self.ready.append(
            lambda: self.after(OVERHEAD_SECONDS, lambda: self.work(iter(step), ended))
        )
        self.hand_out()

    def hand_out(self) -> None:
        while self.free and self.ready:
            self.free -= 1
            self.ready.popleft()()

    def work(self, step: Iterator[Statement], ended: Callable[[], None]) -> None:
        """Run one statement after another; the worker waits for each."""
        statement = next(step, None)
        if statement is None:
            self.free += 1
            ended()
            self.hand_out()
        elif not statement.changes:
            self.after(self.seconds(statement.median), lambda: self.work(step, ended))
        else:
            self.change(statement.changes, FIRST_RETRY_SECONDS, lambda: self.work(step, ended))

    def change(self, table: str, delay: float, done: Callable[[], None]) -> None:
        """Run a mutating statement: it starts, waits in the table's queue, or is rejected and
        retried.
        """
        lines = self.tables[table]
        if lines.running < DML_AT_ONCE:
            self.begin(table, done)
        elif len(lines.waiting) < DML_WAITING:
            lines.waiting.append((self.now, done))
        else:
            self.counts["refused"] += 1
            self.after(
                delay * self.rng.uniform(0.5, 1),
                lambda: self.change(table, min(16.0, delay * 2), done),
            )

    def begin(self, table: str, done: Callable[[], None]) -> None:
        lines = self.tables[table]
        lines.running += 1

        def over() -> None:
            lines.running -= 1
            if lines.waiting:
                since, following = lines.waiting.popleft()
                self.counts["waited"] += self.now - since  # type: ignore[assignment]
                self.begin(table, following)
            done()

        self.after(self.seconds(MERGE_SECONDS), over)

    def seconds(self, median: float) -> float:
        late = STRAGGLES if self.rng.random() < STRAGGLER else 1.0
        return median * late * self.rng.lognormvariate(0, SPREAD)


def print_jobs(seasons: int, versions: str) -> None:
    """Print the jobs and bytes of one season, by batch size."""
    print(
        "| dates per batch | batches | steps | jobs | SELECT jobs | GiB charged | USD |\n|--:|--:|--:|--:|--:|--:|--:|"
    )
    for size in (1, 7, 14, 33, 0, 366):
        made = planned(1, size)
        steps = [step for batch in batches(made, versions) for step in batch.values()]
        found = [s for step in steps for s in step]
        charged = sum(s.charged for s in found)
        name = f"{made.batch_size} (default)" if not size else str(size)
        gib, price = charged / 2**30, charged / 2**40 * DOLLARS_PER_TIB
        selects = sum(not s.changes for s in found)
        print(
            f"| {name} | {made.batches} | {len(steps)} | {len(found)} | {selects} | {gib:.1f} | {price:.2f} |"
        )
    largest = max(TABLES, key=season_bytes)
    print(
        f"\nlargest table: {largest}, {season_bytes(largest) / 2**20:.1f} MiB a season; {seasons} seasons are simulated below\n"
    )


def print_times(seasons: int, seeds: int, versions: str) -> None:
    """Print the minutes for all seasons, by worker processes and batch size."""
    sizes = (7, 14, 33, 0)
    plans = {size: planned(seasons, size) for size in sizes}
    titles = [f"batches of {plans[s].batch_size}" for s in sizes]
    print(
        f"| worker processes | batches in flight | {' | '.join(titles)} |\n|--:|--:|{'--:|' * len(sizes)}"
    )
    for workers, parallel in (
        (1, 1),
        (2, 2),
        (4, 4),
        (6, 4),
        (8, 6),
        (12, 8),
        (16, 12),
        (32, 24),
        (64, 48),
    ):
        cells = []
        for size in sizes:
            worlds = [
                World(plans[size], workers, parallel, seed, versions) for seed in range(seeds)
            ]
            minutes = sorted(world.run() / 60 for world in worlds)
            refused = round(statistics.mean(world.counts["refused"] for world in worlds))
            cells.append(
                f"{statistics.median(minutes):.1f} ({minutes[-1]:.1f})"
                + (f", {refused} refused" if refused else "")
            )
        print(f"| {workers} | {parallel} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seasons", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("--versions", choices=("none", "first", "overwrite"), default="first")
    options = parser.parse_args()
    print_jobs(options.seasons, options.versions)
    print_times(options.seasons, options.seeds, options.versions)


if __name__ == "__main__":
    main()
