"""Findings about the runs of a season: failed, lost, stale and slow runs, and gaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from statistics import median

from validation.findings import kinds
from validation.findings.kinds import (
    FindingDraft,
    FindingKind,
    format_date_ranges,
    pluralize,
    ranges,
)
from validation.findings.mismatches import (
    BELOW_LOST,
    AuditedSeason,
    Key,
    RunFacts,
    in_chain,
    rerun_action,
)
from validation.processor_rules import CODES
from validation.thresholds import SLOW_SECONDS

SLOW_RATIO = 3.0
# Below this limit, three times the median is noise.
SLOW_FLOOR_SECONDS = 10.0
# Other processors' runs around a slow one that tell whether the machine was busy.
BUSY_WITHIN, MIN_NEAR = timedelta(minutes=15), 3


def runs(season: AuditedSeason, rootless: frozenset[date]) -> Iterator[FindingDraft]:
    """Yield failed runs by error, lost partitions, runs of older SQL, and gaps.

    Dates of `rootless` have no Phase 3 rows, which is a Finding of its own.
    """
    yield from _lost(season)
    ended = [r for r in season.ran.values() if r.key not in season.below_lost]
    yield from _failed(season, ended, rootless)
    yield from _failed(
        season, [r for r in season.ran.values() if r.key in season.below_lost], rootless, BELOW_LOST
    )
    days = {r.day for r in ended if not r.succeeded and not r.is_blocked}
    yield from _simple(
        season, kinds.STILL_BLOCKED, [r.key for r in ended if r.is_blocked and r.day not in days]
    )
    old = [r.key for r in season.ran.values() if r.statement_changed and r.succeeded]
    yield from _simple(season, kinds.OLD_SQL, old, outdated=True)
    yield from _gaps(season, rootless)


def _failed(
    season: AuditedSeason, ended: Sequence[RunFacts], rootless: frozenset[date], suffix: str = ""
) -> Iterator[FindingDraft]:
    """Yield failed runs by error."""
    failed = [r for r in ended if not r.succeeded and not r.is_blocked]
    for error, alike in _by_error(
        r for r in failed if not r.is_bug and not (r.no_population and r.day in rootless)
    ):
        keys = [r.key for r in alike]
        blocked = sum(1 for r in ended if r.is_blocked and r.day in {day for _, day in keys})
        more = f"; {pluralize(blocked, 'downstream run')} blocked" if blocked else ""
        runs_failed = f"{pluralize(len(keys), 'run')} failed ({alike[0].reason[:200]})"
        sentence = f"{runs_failed}, {season.spans(keys)}{more}"
        arrived = "the Phase 3 rows of these dates arrived after the runs"
        yield season.found(
            kinds.RUN_FAILED,
            keys,
            error + suffix,
            sentence,
            count=len(keys),
            action=rerun_action(keys),
            cause=arrived if alike[0].no_population else "",
            numbers={"runs": len(keys), "blocked": blocked, "sample": alike[0].reason},
        )


def _lost(season: AuditedSeason) -> Iterator[FindingDraft]:
    """Yield one Finding for all lost partitions, with their consequences downstream."""
    if not (keys := sorted(season.lost)):
        return
    count = f"{pluralize(len(keys), 'run')} ({', '.join(in_chain(keys))})"
    below = [run for key, run in season.ran.items() if key in season.below_lost]
    failed = [r.key for r in below if not (r.succeeded or r.is_blocked or r.is_bug)]
    blocked = [r.key for r in below if r.is_blocked]
    wrong = sum(len(season.compared[key].unexplained) for key in season.wrong_below_lost)
    consequences = [
        f"{pluralize(n, noun)} ({', '.join(in_chain(of))})"
        for n, noun, of in (
            (len(failed), "failed run", failed),
            (len(blocked), "blocked run", blocked),
            (wrong, "unexpected failure", season.wrong_below_lost),
        )
        if n
    ]
    damaged = [f"{code} {day}" for code, day in keys if (code, day) in season.damaged]
    sentence = f"{count}: {kinds.LOST_PARTITION.title}, {season.spans(keys)}"
    sentence += f"; consequences: {', '.join(consequences)}" if consequences else ""
    yield season.found(
        kinds.LOST_PARTITION,
        keys,
        "",
        sentence,
        count=len(keys),
        action=rerun_action(keys),
        numbers={"runs": len(keys)}
        | {name: len(of) for name, of in (("failed", failed), ("blocked", blocked)) if of},
        evidence={"damaged": damaged} if damaged else {},
    )


def no_longer_planned(
    season: AuditedSeason, rows: Mapping[Key, int], command: str
) -> Iterator[FindingDraft]:
    """Yield one Finding for the stored rows on dates without games, with the command that removes
    them.
    """
    if rows:
        total = pluralize(sum(rows.values()), "row")
        sentence = f"{total} of {', '.join(in_chain(rows))} on dates without games, "
        yield season.found(
            kinds.NO_LONGER_PLANNED,
            rows,
            "",
            f"{sentence}{format_date_ranges(day for _, day in rows)}",
            count=sum(rows.values()),
            cause=f"{kinds.NO_LONGER_PLANNED.cause}; remove them with `{command}`",
            numbers={"rows": sum(rows.values())},
        )


def _by_error(failed: Iterable[RunFacts]) -> list[tuple[str, list[RunFacts]]]:
    by_error: dict[str, list[RunFacts]] = defaultdict(list)
    for run in failed:
        by_error[run.error or run.refused_by].append(run)
    return sorted(by_error.items())


def _simple(
    season: AuditedSeason,
    kind: FindingKind,
    keys: Sequence[Key],
    *,
    outdated: bool = False,
) -> Iterator[FindingDraft]:
    """Yield one Finding of a kind for all its runs."""
    if keys:
        count = f"{pluralize(len(keys), 'run')} ({', '.join(in_chain(keys))})"
        sentence = f"{count}: {kind.title}, {season.spans(keys)}"
        yield season.found(
            kind,
            keys,
            "",
            sentence,
            count=len(keys),
            action=rerun_action(keys, outdated=outdated),
            numbers={"runs": len(keys)},
        )


def _gaps(season: AuditedSeason, rootless: frozenset[date]) -> Iterator[FindingDraft]:
    """Yield dates without a run of a processor between its first and its last run."""
    codes = in_chain(season.ran)
    gaps = [(code, day) for code in codes for day in _never_run(season, code)]
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[date]] = defaultdict(list)
    for day in sorted({day for _, day in gaps} - rootless):
        ran = in_chain(key for key in season.ran if key[1] == day)
        alike[in_chain(key for key in gaps if key[1] == day), ran].append(day)
    for (missing, ran), days in alike.items():
        for dates in ranges(days, season.dates):
            yield _gap(season, [(code, day) for code in missing for day in dates], ran)


def _gap(season: AuditedSeason, keys: Sequence[Key], ran: Sequence[str]) -> FindingDraft:
    """Return the Finding of consecutive dates without runs of the same processors; `ran` are the
    processors that ran on them.
    """
    dates, names = sorted({day for _, day in keys}), ", ".join(ran)
    count = f"{pluralize(len(keys), 'gap')} ({', '.join(in_chain(keys))})"
    others = f"; only {names} ran" if ran else ""
    return season.found(
        kinds.HOLE,
        keys,
        str(dates[0]),
        f"{count} between dates with runs, {season.spans(keys)}{others}",
        count=len(keys),
        cause=f"the backfills of these dates ran {names} only" if ran else "",
        action=rerun_action(keys),
        numbers={"dates": len(dates), "runs": len(keys)},
    )


def _never_run(season: AuditedSeason, code: str) -> list[date]:
    run = {day for of, day in season.ran if of == code}
    return [day for day in season.dates if min(run) < day < max(run) and day not in run]


def slow(season: AuditedSeason) -> Iterator[FindingDraft]:
    """Yield dates that took over five minutes, or three times the median of their processor and as
    much more than the other processors at that time, with the slowest part.
    """
    ran = [r for r in season.ran.values() if r.seconds]
    usual_seconds = {code: _median(r.seconds for r in ran if r.processor == code) for code in CODES}
    for code in CODES:
        ended = [r for r in ran if r.processor == code]
        usual = usual_seconds[code]
        limit = min(SLOW_SECONDS, max(SLOW_FLOOR_SECONDS, SLOW_RATIO * usual))
        over = [r for r in ended if r.seconds > limit]
        busy = {r.key: _busyness(r, ran, usual_seconds) for r in over}
        over = [r for r in over if r.seconds > min(SLOW_SECONDS, limit * busy[r.key])]
        if slow_runs := over:
            worst = max(slow_runs, key=lambda r: r.seconds)
            sentence = (
                f"{code}: {pluralize(len(slow_runs), 'slow run')}, "
                f"at most {duration(worst.seconds)} ({worst.day}), "
                f"usually {duration(usual)}; {season.spans(r.key for r in slow_runs)}"
            )
            yield season.found(
                kinds.SLOW,
                [r.key for r in slow_runs],
                code,
                sentence,
                count=len(slow_runs),
                cause=_slowest_part(worst),
                numbers={
                    "usual": round(usual, 3),
                    "query": round(worst.query_seconds, 3),
                    "write": round(worst.write_seconds, 3),
                    "checks": round(worst.check_seconds, 3),
                },
            )


def _median(seconds: Iterable[float]) -> float:
    found = list(seconds)
    return median(found) if found else 0.0


def _busyness(run: RunFacts, ran: Iterable[RunFacts], usual: Mapping[str, float]) -> float:
    """Return how many times slower than usual the other processors were around this run, at least
    one: a busy machine slows all of them.
    """
    if run.started_at is None:
        return 1.0
    near = [
        other.seconds / usual[other.processor]
        for other in ran
        if other.processor != run.processor
        and other.started_at
        and abs(other.started_at - run.started_at) <= BUSY_WITHIN
    ]
    return max(1.0, median(near)) if len(near) >= MIN_NEAR else 1.0


def _slowest_part(run: RunFacts) -> str:
    total = duration(run.seconds)
    if run.check_seconds > run.seconds / 2:
        part, hint = run.check_seconds, "the checks of normal mode; backfill mode skips them"
    elif run.write_seconds > run.query_seconds:
        part, hint = run.write_seconds, "the write: a slow disk, or many concurrent writers"
    else:
        part, hint = run.query_seconds, "the query: a busy machine, or small batches"
    return f"{duration(part)} of {total} spent on {hint}"


def duration(seconds: float) -> str:
    """Return a duration as text: `0.5 s`, `42 s`, `1 min 12 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
