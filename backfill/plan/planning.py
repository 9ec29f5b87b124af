"""Plan of a backfill: an immutable list of runs, identical in the preview and in the job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import partial
from itertools import groupby
from math import ceil
from types import MappingProxyType

from backfill.models import Key
from backfill.plan.options import Options
from backfill.processors.registry import CHAIN, PROCESSORS
from validation.season import DateType, Day, usual_season_year

# A step is one processor over one batch. Large batches read less; small ones show more progress.
STEPS_TO_SHOW = 10
ALREADY_COMPLETE = "already complete"
NOT_COMPLETE = "not complete"
DAMAGED = "damaged output"
NEVER_FAILED = "not complete, but no failure either"
UPSTREAM_AGAIN = "upstream reruns"
OUTDATED = "SQL changed since this run"
NOTHING: Mapping[Key, str] = MappingProxyType({})
Cut = Callable[[Collection[date]], Iterator[tuple[date, ...]]]


class PlannedAction(StrEnum):
    """Planned action for one (processor, date)."""

    RUN = "run"
    SKIP = "skip"  # recorded as a skipped run with an empty partition
    KEEP = "keep"  # already complete
    NONE = "none"  # no games: nothing is written
    LEAVE = "leave"  # not complete and not selected: nothing is written


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """Action for one (processor, date) with its reason.

    `batch` counts from 0, and is -1 without a run. `overwrites` marks reruns of complete output.
    """

    processor: str
    date: date
    action: PlannedAction
    reason: str
    batch: int = -1
    overwrites: bool = False
    # The short reason by which overviews group runs.
    heading: str = field(default="", compare=False)

    @property
    def key(self) -> Key:
        """Key of the run: (processor, date)."""
        return self.processor, self.date


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Actions of a backfill for every date and processor."""

    options: Options
    days: tuple[Day, ...]
    runs: tuple[PlannedRun, ...]
    batch_size: int

    @property
    def todo(self) -> tuple[PlannedRun, ...]:
        """Runs to record, executed and skipped."""
        return tuple(r for r in self.runs if r.action in (PlannedAction.RUN, PlannedAction.SKIP))

    @property
    def batches(self) -> int:
        """Number of batches."""
        return 1 + max((r.batch for r in self.runs), default=-1)

    @property
    def dates(self) -> list[date]:
        """Dates with runs to record, in order."""
        return sorted({r.date for r in self.todo})

    @property
    def overwrites(self) -> int:
        """Number of complete (processor, date) to overwrite."""
        return sum(r.overwrites for r in self.runs)

    def counts(self) -> dict[str, Counter[PlannedAction]]:
        """Count runs per processor and action."""
        return {
            code: Counter(r.action for r in self.runs if r.processor == code)
            for code in self.options.processors
        }


def batches(
    dates: Collection[date], size: int, season_of: Callable[[date], int] = usual_season_year
) -> Iterator[tuple[date, ...]]:
    """Cut dates into batches of at most `size`, each within one season."""
    for _, season in groupby(sorted(dates), key=season_of):
        days = list(season)
        yield from (tuple(days[n : n + size]) for n in range(0, len(days), size))


def default_batch_size(dates: int, processors: int) -> int:
    """Return the dates per batch for about STEPS_TO_SHOW steps; at least 1."""
    return max(1, ceil(dates * processors / STEPS_TO_SHOW))


def plan(
    options: Options,
    days: Sequence[Day],
    done: Collection[Key],
    outdated: Mapping[Key, str] = NOTHING,
    failed: Mapping[Key, str] = NOTHING,
    *,
    damaged: Mapping[Key, str] = NOTHING,
) -> Plan:
    """Plan a backfill; read-only, so the preview equals the job.

    `outdated` has the stale keys of `done`, `failed` the failed keys outside `done`, `damaged` keys
    outside `done` whose output is unreadable, each with its reason. Options select whether the
    first two apply.
    """
    decide = _Decision(
        options=options,
        done=done,
        outdated=outdated if options.outdated else NOTHING,
        failed=failed,
        damaged=damaged,
    )
    return in_batches(options, days, [run for day in days for run in _runs_of(day, decide)])


def in_batches(options: Options, days: Sequence[Day], runs: Sequence[PlannedRun]) -> Plan:
    """Build the plan of exactly these runs, and assign their batches."""
    todo = {r.date for r in runs if r.action in (PlannedAction.RUN, PlannedAction.SKIP)}
    season_of = {day.day: day.season for day in days}.__getitem__
    seasons = len(set(map(season_of, todo))) or 1
    size = options.batch_size or default_batch_size(
        ceil(len(todo) / seasons), len(options.processors)
    )
    executed = sorted(
        {r.date for r in runs if r.action is PlannedAction.RUN}, reverse=options.newest_first
    )
    batch_of = {
        d: n
        for n, batch in enumerate(
            _in_order(todo, executed, options, partial(batches, size=size, season_of=season_of))
        )
        for d in batch
    }
    return Plan(
        options=options,
        days=tuple(days),
        runs=tuple(_in_batch(r, batch_of) for r in runs),
        batch_size=size,
    )


def _in_order(
    todo: Collection[date], executed: Sequence[date], options: Options, cut: Cut
) -> Iterator[tuple[date, ...]]:
    """Yield batches in dispatch order, after the canary: the first executed date."""
    canary = {executed[0]} if options.canary and executed and len(todo) > 1 else set()
    if canary:
        yield tuple(canary)
    rest = list(cut(set(todo) - canary))
    yield from reversed(rest) if options.newest_first else rest


def _in_batch(run: PlannedRun, batch_of: Mapping[date, int]) -> PlannedRun:
    if run.action not in (PlannedAction.RUN, PlannedAction.SKIP):
        return run
    return replace(run, batch=batch_of[run.date])


def _runs_of(day: Day, decide: _Decision) -> Iterator[PlannedRun]:
    """Yield the runs of one date in chain order; a rerun upstream reruns its downstream."""
    again: list[str] = []
    options = decide.options
    for code in (c for c in CHAIN if c in options.processors and options.selects(c, day.day)):
        action, reason, heading = decide(day, code, again)
        if action is PlannedAction.RUN:
            again.append(code)
        overwrites = action is PlannedAction.RUN and (code, day.day) in decide.done
        yield PlannedRun(
            processor=code,
            date=day.day,
            action=action,
            reason=reason,
            overwrites=overwrites,
            heading=heading,
        )


@dataclass(frozen=True, kw_only=True)
class _Decision:
    """Decision about one (processor, date), from the state of all keys."""

    options: Options
    done: Collection[Key]
    outdated: Mapping[Key, str]
    failed: Mapping[Key, str]
    damaged: Mapping[Key, str]

    def __call__(self, day: Day, code: str, again: Sequence[str]) -> _Decided:
        """Return the action and its reason; `again` has the date's rerun processors."""
        if not day.is_processing:
            return _decided(PlannedAction.NONE, day.why_skipped)
        key = code, day.day
        if key in self.done and not self.options.force:
            return self._complete(day, code, again)
        if self.options.failed and key not in self.failed:
            return _decided(PlannedAction.LEAVE, NEVER_FAILED)
        if day.type is DateType.BOOTSTRAP:
            return _decided(PlannedAction.SKIP, day.why_skipped, day.type)
        if key in self.done:
            return _decided(PlannedAction.RUN, "forced")
        reasons = self.failed if self.options.failed else self.damaged
        return _decided(PlannedAction.RUN, reasons.get(key, NOT_COMPLETE))

    def _complete(self, day: Day, code: str, again: Sequence[str]) -> _Decided:
        if day.type is not DateType.BOOTSTRAP:
            if outdated := self.outdated.get((code, day.day)):
                return _decided(PlannedAction.RUN, outdated)
            if upstream := [c for c in PROCESSORS[code].after if c in again]:
                return _decided(
                    PlannedAction.RUN, f"{UPSTREAM_AGAIN}: {', '.join(upstream)}", UPSTREAM_AGAIN
                )
        return _decided(PlannedAction.KEEP, ALREADY_COMPLETE)


_Decided = tuple[PlannedAction, str, str]


def _decided(action: PlannedAction, reason: str, heading: str = "") -> _Decided:
    return action, reason, heading or reason
