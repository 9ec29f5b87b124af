"""Four seasons on BigQuery: jobs and bytes by batch size, and how long they take with how many
workers.

    .venv/bin/python bench/scale.py [--seasons 4] [--seeds 9]

Nothing is run and nobody is asked: the plans are the product's own, the order of steps is that of
its canvas, and time is
made of BigQuery's latencies and limits as given below, so that hours take seconds here.
docs/scale.md tells the results.
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
from backfill.warehouse.schema import Table  # noqa: E402
from backfill.warehouse.tables import FAILURES, HISTORY, TABLES  # noqa: E402
from validation.season import Calendar, Game, dates_between  # noqa: E402

# Bytes of a value as BigQuery counts them; a text has two more than its letters, of which keys and
# names have about twelve.
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
# Rows per season: games are 1,230; a player has a row in each that he plays or may play, a team one
# per processing date.
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
}
LEAST_BYTES = (
    10 * 2**20
)  # charged for each table that a statement names, however little of it is read
DOLLARS_PER_TIB = 6.25

# Seconds: lognormal, so that half take less than the median and one in twenty about twice as long;
# one in a hundred
# stands in line somewhere. Beside its jobs a step asks the database and Redis, and reads the staged
# rows.
SELECT_SECONDS, MERGE_SECONDS, SPREAD = 1.5, 2.5, 0.45
STRAGGLER, STRAGGLES = 0.01, 6.0
OVERHEAD_SECONDS = 0.6
# A table runs so many mutating statements at once and keeps so many waiting; one more is refused
# and tried again.
DML_AT_ONCE, DML_WAITING = 2, 20
FIRST_RETRY_SECONDS = 1.0


def calendar(first: int, seasons: int) -> Calendar:
    """The schedules of simulated seasons."""
    years = range(first, first + seasons)
    days = (
        (y, opening_night(y) + timedelta(f.day))
        for y in years
        for f in schedule(y, generator(y, 1, "calendar"))
    )
    return Calendar(Game(day, year) for year, day in days)


def planned(seasons: int, batch_size: int) -> Plan:
    """The product's plan of these seasons."""
    found = calendar(2021, seasons)
    start, end = found.games[0].game_date, found.games[-1].game_date
    return plan(
        Options(start, end, batch_size=batch_size),
        [found.day(d) for d in dates_between(start, end)],
        set(),
    )


# What is sent


def season_bytes(table: Table) -> int:
    """What a season of a table comes to."""
    row = sum(BYTES.get(c.type, NUMERIC_BYTES) for c in table.columns)
    return row * ROWS[table.short]


@dataclass(frozen=True)
class Statement:
    """A job: the table that it changes (none for a SELECT), all that it reads, and for how many
    dates.
    """

    changes: str
    reads: tuple[Table, ...]
    dates: int

    @property
    def charged(self) -> int:
        """Bytes at most: every column, of an input the season, of what is written here the dates;
        what is staged is small.
        """
        shares = (
            (t, 1.0 if t.kind == "input" else min(1.0, self.dates / DATES)) for t in self.reads
        )
        return sum(
            max(LEAST_BYTES, int(season_bytes(t) * share)) for t, share in shares
        ) + LEAST_BYTES * bool(self.changes)


def selected(code: str) -> tuple[Table, ...]:
    """The tables that the SELECT of a processor names."""
    sql = accounted(code, render(code), render(code, "population"))
    return tuple(table for table in TABLES if re.search(rf"\b{re.escape(str(table))}\b", sql))


READ = {code: selected(code) for code in CHAIN}


def statements(code: str, actions: Counter[PlannedAction]) -> list[Statement]:
    """What one step sends, in order: see backfill.execution.step, .execution and .recording."""
    output, dates = PROCESSORS[code].output, actions.total()
    writes = [Statement(str(table), (table,), dates) for table in (FAILURES, output)]
    emptied = writes if actions[PlannedAction.SKIP] else []  # bootstrap dates
    executed = [Statement("", READ[code], dates), *writes] if actions[PlannedAction.RUN] else []
    return [*emptied, *executed, Statement(str(HISTORY), (HISTORY,), dates)]


def batches(made: Plan) -> list[dict[str, list[Statement]]]:
    """Per batch what each of its steps sends."""
    actions: dict[int, dict[str, Counter[PlannedAction]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    for run in made.todo:
        actions[run.batch][run.processor][run.action] += 1
    return [
        {code: statements(code, actions[n][code]) for code in CHAIN if code in actions[n]}
        for n in range(made.batches)
    ]


# How long it takes


@dataclass
class Lines:
    """The mutating statements of one table: those that run and those that wait."""

    running: int = 0
    waiting: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)


class World:
    """BigQuery, the workers and the clock. An event is what happens next; nothing happens in
    between.
    """

    def __init__(self, made: Plan, workers: int, parallel: int, seed: int) -> None:
        self.todo, self.free, self.parallel, self.rng = (
            deque(batches(made)),
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
        """Seconds until all is done: first the canary alone, then as many batches as are allowed."""
        self.send(self.todo.popleft())
        while self.events:
            self.now, _, happen = heapq.heappop(self.events)
            happen()
        return self.now

    def after(self, seconds: float, happen: Callable[[], None]) -> None:
        """Let something happen later."""
        self.number += 1
        heapq.heappush(self.events, (self.now + seconds, self.number, happen))

    def send(self, batch: dict[str, list[Statement]]) -> None:
        """chain(chord([TDZA, PSZA], PCF), PDC, ML): a step is rung when those before it have ended."""
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
        """A worker takes a step when one is free."""
        self.ready.append(
            lambda: self.after(OVERHEAD_SECONDS, lambda: self.work(iter(step), ended))
        )
        self.hand_out()

    def hand_out(self) -> None:
        while self.free and self.ready:
            self.free -= 1
            self.ready.popleft()()

    def work(self, step: Iterator[Statement], ended: Callable[[], None]) -> None:
        """One statement after the other; the worker waits for each."""
        statement = next(step, None)
        if statement is None:
            self.free += 1
            ended()
            self.hand_out()
        elif not statement.changes:
            self.after(self.seconds(SELECT_SECONDS), lambda: self.work(step, ended))
        else:
            self.change(statement.changes, FIRST_RETRY_SECONDS, lambda: self.work(step, ended))

    def change(self, table: str, delay: float, done: Callable[[], None]) -> None:
        """A mutating statement: it runs, waits in the table's line, or is refused and comes again."""
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


def print_jobs(seasons: int) -> None:
    """A table: what one season sends, by batch size."""
    print(
        "| dates per batch | batches | steps | jobs | of them SELECTs | charged, GiB | dollars |\n|--:|--:|--:|--:|--:|--:|--:|"
    )
    for size in (1, 7, 14, 0, 60, 366):
        made = planned(1, size)
        found = [s for batch in batches(made) for step in batch.values() for s in step]
        steps = sum(len(batch) for batch in batches(made))
        charged = sum(s.charged for s in found)
        name = f"{made.batch_size} (default)" if not size else str(size)
        gib, price = charged / 2**30, charged / 2**40 * DOLLARS_PER_TIB
        selects = sum(not s.changes for s in found)
        print(
            f"| {name} | {made.batches} | {steps} | {len(found)} | {selects} | {gib:.1f} | {price:.2f} |"
        )
    largest = max(TABLES, key=season_bytes)
    print(
        f"\nlargest table: {largest}, {season_bytes(largest) / 2**20:.1f} MiB a season; {seasons} seasons are simulated below\n"
    )


def print_times(seasons: int, seeds: int) -> None:
    """A table: minutes for all seasons, by worker processes and batch size."""
    sizes = (7, 14, 0, 60)
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
            worlds = [World(plans[size], workers, parallel, seed) for seed in range(seeds)]
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
    options = parser.parse_args()
    print_jobs(options.seasons)
    print_times(options.seasons, options.seeds)


if __name__ == "__main__":
    main()
