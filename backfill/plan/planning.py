"""Wanted − done: a plan is a value, the preview prints the very list that is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import groupby
from math import ceil
from types import MappingProxyType

from backfill.plan.options import Options
from backfill.processors.registry import CHAIN, PROCESSORS
from validation.season import DateType, Day, season_year

Key = tuple[str, date]

# A step is one processor over one batch. Fewer, larger batches read less; more of them show more
# progress.
STEPS_TO_SHOW = 25
ALREADY_COMPLETE = "already complete"
NEVER_FAILED = "not complete, and not failed either"
UPSTREAM_AGAIN = "its upstream runs again"
OUTDATED = "made by another statement than the present one"
NOTHING: Mapping[Key, str] = MappingProxyType({})


class PlannedAction(StrEnum):
    """What happens to one (processor, date) of the range."""

    RUN = "run"
    SKIP = "skip"  # recorded as a skipped run, its partition emptied
    KEEP = "keep"  # already complete
    NONE = "none"  # no games: nothing is written at all
    LEAVE = "leave"  # not complete and not asked for: nothing is written at all


@dataclass(frozen=True)
class PlannedRun:
    """One (processor, date) and why it runs or not; `batch` counts from 0, -1 for what does not
    run.

    `overwrites` when it is complete and runs all the same.
    """

    processor: str
    date: date
    action: PlannedAction
    reason: str
    batch: int = -1
    overwrites: bool = False
    heading: str = field(
        default="", compare=False
    )  # the reason in short, by which an overview counts runs

    @property
    def key(self) -> Key:
        """What a run is of."""
        return self.processor, self.date


@dataclass(frozen=True)
class Plan:
    """What a backfill would do to every date of its range, processor by processor."""

    options: Options
    days: tuple[Day, ...]
    runs: tuple[PlannedRun, ...]
    batch_size: int

    @property
    def todo(self) -> tuple[PlannedRun, ...]:
        """The runs to execute, skips included, in the order of their batches."""
        return tuple(r for r in self.runs if r.action in (PlannedAction.RUN, PlannedAction.SKIP))

    @property
    def batches(self) -> int:
        """How many batches there are."""
        return 1 + max((r.batch for r in self.runs), default=-1)

    @property
    def dates(self) -> list[date]:
        """The dates of which anything is executed, in order."""
        return sorted({r.date for r in self.todo})

    @property
    def overwrites(self) -> int:
        """How many (processor, date) are complete and would be replaced."""
        return sum(r.overwrites for r in self.runs)

    def counts(self) -> dict[str, Counter[PlannedAction]]:
        """Runs per processor and action."""
        return {
            code: Counter(r.action for r in self.runs if r.processor == code)
            for code in self.options.processors
        }


def batches(dates: Collection[date], size: int) -> Iterator[tuple[date, ...]]:
    """Cut dates into batches of at most `size`, none across two seasons."""
    for _, season in groupby(sorted(dates), key=season_year):
        days = list(season)
        yield from (tuple(days[n : n + size]) for n in range(0, len(days), size))


def default_batch_size(dates: int, processors: int) -> int:
    """Dates per batch such that a job has about STEPS_TO_SHOW steps; one for short jobs."""
    return max(1, ceil(dates * processors / STEPS_TO_SHOW))


def plan(
    options: Options,
    days: Sequence[Day],
    done: Collection[Key],
    outdated: Mapping[Key, str] = NOTHING,
    failed: Mapping[Key, str] = NOTHING,
) -> Plan:
    """Decide what to run; touches nothing, so the preview shows exactly this.

    `outdated` are those of `done` that would be made otherwise now, `failed` those not done that
    failed; each with the
    reason. They count where the options ask for them.
    """
    decide = _Decision(options, done, outdated if options.outdated else NOTHING, failed)
    return in_batches(options, days, [run for day in days for run in _runs_of(day, decide)])


def in_batches(options: Options, days: Sequence[Day], runs: Sequence[PlannedRun]) -> Plan:
    """The plan of exactly these runs, those that are executed put into batches."""
    todo = {r.date for r in runs if r.action in (PlannedAction.RUN, PlannedAction.SKIP)}
    seasons = len({season_year(d) for d in todo}) or 1
    size = options.batch_size or default_batch_size(
        ceil(len(todo) / seasons), len(options.processors)
    )
    executed = sorted(
        {r.date for r in runs if r.action is PlannedAction.RUN}, reverse=options.newest_first
    )
    batch_of = {
        d: n for n, batch in enumerate(_in_order(todo, size, executed, options)) for d in batch
    }
    return Plan(options, tuple(days), tuple(_in_batch(r, batch_of) for r in runs), size)


def _in_order(
    todo: Collection[date], size: int, executed: Sequence[date], options: Options
) -> Iterator[tuple[date, ...]]:
    """The batches in the order in which they are sent: the canary first, the first date that is
    really executed.
    """
    canary = {executed[0]} if options.canary and executed and len(todo) > 1 else set()
    if canary:
        yield tuple(canary)
    rest = list(batches(set(todo) - canary, size))
    yield from reversed(rest) if options.newest_first else rest


def _in_batch(run: PlannedRun, batch_of: Mapping[date, int]) -> PlannedRun:
    if run.action not in (PlannedAction.RUN, PlannedAction.SKIP):
        return run
    return replace(run, batch=batch_of[run.date])


def _runs_of(day: Day, decide: _Decision) -> Iterator[PlannedRun]:
    """The runs of one date in chain order: what follows a run that happens again happens again too."""
    again: list[str] = []
    for code in (c for c in CHAIN if c in decide.options.processors):
        action, reason, heading = decide(day, code, again)
        if action is PlannedAction.RUN:
            again.append(code)
        overwrites = action is PlannedAction.RUN and (code, day.day) in decide.done
        yield PlannedRun(code, day.day, action, reason, overwrites=overwrites, heading=heading)


@dataclass(frozen=True)
class _Decision:
    """What becomes of one (processor, date), by what is known of all."""

    options: Options
    done: Collection[Key]
    outdated: Mapping[Key, str]
    failed: Mapping[Key, str]

    def __call__(self, day: Day, code: str, again: Sequence[str]) -> _Decided:
        """The action and its reason; `again` are the processors that run for this date already."""
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
        return _decided(
            PlannedAction.RUN, self.failed[key] if self.options.failed else "not complete"
        )

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
