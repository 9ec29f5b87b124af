"""How the runs of a season ended in, Findings out: what failed, what is gone, old or slow, and what
was never run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from statistics import median

from validation.expectation import CODES
from validation.findings import kinds
from validation.findings.kinds import FindingDraft, FindingKind, pluralize, ranges
from validation.findings.mismatches import AuditedSeason, Key, RunFacts, in_chain, rerun_action
from validation.thresholds import SLOW_SECONDS

SLOW_RATIO = 3.0
# Three times a median of milliseconds is noise.
SLOW_FLOOR_SECONDS = 10.0


def runs(season: AuditedSeason, rootless: frozenset[date]) -> Iterator[FindingDraft]:
    """Failed runs by what they say, lost partitions, old statements, holes. Dates of `rootless`
    lack Phase 3: that is told.
    """
    ended = season.ran.values()
    failed = [r for r in ended if not r.succeeded and not r.is_blocked]
    for error, found in _by_error(
        r for r in failed if not r.is_bug and not (r.no_population and r.day in rootless)
    ):
        keys = [r.key for r in found]
        blocked = sum(1 for r in ended if r.is_blocked and r.day in {day for _, day in keys})
        more = f"; {blocked:,} more are blocked by them" if blocked else ""
        sentence = f"{pluralize(len(keys), 'run')} failed ({found[0].reason[:200]}), {season.spans(keys)}{more}"
        came = (
            "Phase 3 had no row for these dates then, and has some now"
            if found[0].no_population
            else ""
        )
        yield season.found(
            kinds.RUN_FAILED,
            keys,
            error,
            sentence,
            count=len(keys),
            action=rerun_action(keys),
            cause=came,
            numbers={"runs": len(keys), "blocked": blocked, "sample": found[0].reason},
        )
    days = {r.day for r in failed}
    yield from _simple(
        season, kinds.STILL_BLOCKED, [r.key for r in ended if r.is_blocked and r.day not in days]
    )
    # By force: a file that is damaged is there, so that the date counts as complete.
    yield from _simple(
        season, kinds.LOST_PARTITION, [r.key for r in ended if r.is_lost], force=True
    )
    old = [r.key for r in ended if r.statement_changed and r.succeeded]
    yield from _simple(season, kinds.OLD_SQL, old, outdated=True)
    yield from _holes(season, rootless)


def _by_error(failed: Iterable[RunFacts]) -> list[tuple[str, list[RunFacts]]]:
    found: dict[str, list[RunFacts]] = defaultdict(list)
    for run in failed:
        found[run.error or run.refused_by].append(run)
    return sorted(found.items())


def _simple(
    season: AuditedSeason,
    kind: FindingKind,
    keys: Sequence[Key],
    *,
    outdated: bool = False,
    force: bool = False,
) -> Iterator[FindingDraft]:
    """One Finding of a kind for all its runs."""
    if keys:
        sentence = f"{pluralize(len(keys), 'run')} ({', '.join(in_chain(keys))}): {kind.title}, {season.spans(keys)}"
        yield season.found(
            kind,
            keys,
            "",
            sentence,
            count=len(keys),
            action=rerun_action(keys, outdated=outdated, force=force),
            numbers={"runs": len(keys)},
        )


def _holes(season: AuditedSeason, rootless: frozenset[date]) -> Iterator[FindingDraft]:
    """Dates that a processor was never run for, between the first and the last that it was."""
    codes = in_chain(season.ran)
    lacking = [(code, day) for code in codes for day in _never_run(season, code)]
    for dates in ranges({day for _, day in lacking} - rootless, season.dates):
        keys = [key for key in lacking if key[1] in dates]
        what, which = pluralize(len(dates), "date"), ", ".join(in_chain(keys))
        sentence = f"{what} between dates that were run never ran ({which}), {season.spans(keys)}"
        yield season.found(
            kinds.HOLE,
            keys,
            str(dates[0]),
            sentence,
            count=len(keys),
            action=rerun_action((code, day) for code in codes for day in dates),
            numbers={"dates": len(dates), "runs": len(keys)},
        )


def _never_run(season: AuditedSeason, code: str) -> list[date]:
    run = {day for of, day in season.ran if of == code}
    return [day for day in season.dates if min(run) < day < max(run) and day not in run]


def slow(season: AuditedSeason) -> Iterator[FindingDraft]:
    """Dates that took over five minutes, or three times the median of their processor, with where
    the seconds went.
    """
    for code in CODES:
        ended = [r for r in season.ran.values() if r.processor == code and r.seconds]
        usual = median(r.seconds for r in ended) if ended else 0.0
        limit = min(SLOW_SECONDS, max(SLOW_FLOOR_SECONDS, SLOW_RATIO * usual))
        if found := [r for r in ended if r.seconds > limit]:
            worst = max(found, key=lambda r: r.seconds)
            sentence = (
                f"{code}: {pluralize(len(found), 'date')} took long, at most {worst.seconds:.0f} s ({worst.day}), "
                f"usually {usual:.1f} s; {season.spans(r.key for r in found)}"
            )
            yield season.found(
                kinds.SLOW,
                [r.key for r in found],
                code,
                sentence,
                count=len(found),
                cause=_why_slow(worst),
                numbers={
                    "usual": round(usual, 3),
                    "query": round(worst.query_seconds, 3),
                    "write": round(worst.write_seconds, 3),
                    "checks": round(worst.check_seconds, 3),
                },
            )


def _why_slow(run: RunFacts) -> str:
    if run.check_seconds > run.seconds / 2:
        return f"{run.check_seconds:.0f} of {run.seconds:.0f} s went into the checks of normal mode; backfill mode skips them"
    if run.write_seconds > run.query_seconds:
        return f"{run.write_seconds:.0f} of {run.seconds:.0f} s went into writing: a slow disk, or many writers at once"
    return f"{run.query_seconds:.0f} of {run.seconds:.0f} s went into the statement: a busy machine, or small batches"
