"""Findings of an audited season: entities that differ from the expectation, and duplicate rows.

A Finding that follows from another one is omitted: a date without Phase 3 rows is the root cause
of its gap, its failed runs and its unusual rate.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from validation.expectation import ExpectationDiff
from validation.findings import kinds
from validation.findings.content import Violation
from validation.findings.kinds import (
    FindingDraft,
    FindingKind,
    ProposedBackfill,
    format_date_ranges,
    pluralize,
)
from validation.processor_rules import CODES, RULES, downstream

Key = tuple[str, date]  # of a processor

SAMPLE = 5
# Part of stored subjects: never reword it.
BELOW_LOST = " below lost"
# Singular noun of each kind of difference from the expectation.
DIFFERENCES = {
    kinds.UNEXPLAINED.name: "unexpected failure",
    kinds.LOST.name: "unexpected success",
    kinds.UNACCOUNTED.name: "unaccounted entity",
}


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Result of the newest run of a (processor, date). `succeeded` is complete or skipped."""

    processor: str
    day: date
    succeeded: bool
    error: str = ""
    reason: str = ""
    refused_by: str = ""  # check that refused the run, if no error was raised
    is_blocked: bool = False
    is_bug: bool = False
    no_population: bool = False
    is_lost: bool = False
    statement_changed: bool = False
    query_seconds: float = 0.0
    write_seconds: float = 0.0
    check_seconds: float = 0.0
    started_at: datetime | None = None

    @property
    def key(self) -> Key:
        """Processor and date."""
        return self.processor, self.day

    @property
    def seconds(self) -> float:
        """Total time of the date."""
        return self.query_seconds + self.write_seconds + self.check_seconds


@dataclass(frozen=True, kw_only=True)
class AuditedSeason:
    """Facts of one season: its processing dates without bootstrap, and results per (processor,
    date).
    """

    year: int
    dates: tuple[date, ...]
    ran: Mapping[Key, RunFacts] = field(default_factory=dict)
    compared: Mapping[Key, ExpectationDiff] = field(default_factory=dict)
    repeated: Mapping[Key, int] = field(default_factory=dict)
    stale: frozenset[Key] = frozenset()
    damaged: frozenset[Key] = frozenset()  # partitions that exist and cannot be read

    @cached_property
    def lost(self) -> frozenset[Key]:
        """Complete runs whose partition is missing or unreadable."""
        return frozenset(key for key, run in self.ran.items() if run.is_lost)

    @cached_property
    def below_lost(self) -> frozenset[Key]:
        """Pairs downstream of a lost partition on its date; what is wrong there follows from it."""
        return frozenset(
            (after, day)
            for code, day in self.lost
            for after in downstream((code,))
            if after != code
        )

    @property
    def wrong_below_lost(self) -> list[Key]:
        """Pairs downstream of a lost partition with unexpected failures."""
        below = self.below_lost & self.compared.keys() - self.stale
        return sorted(key for key in below if self.compared[key].unexplained)

    @property
    def last(self) -> date:
        """Last date with a run; without runs, the last date of the season."""
        return max((day for _, day in self.ran), default=self.dates[-1])

    def found(
        self, kind: FindingKind, keys: Iterable[Key], subject: str, sentence: str, **details: Any
    ) -> FindingDraft:
        """Return a Finding about these (processor, date)."""
        keys = set(keys)
        dates = tuple(sorted({day for _, day in keys}))
        return FindingDraft(
            kind=kind,
            season=self.year,
            subject=subject,
            sentence=sentence,
            dates=dates,
            processors=in_chain(keys),
            **details,
        )

    def spans(self, keys: Iterable[Key]) -> str:
        """Return the dates of these as text, as ranges."""
        return format_date_ranges({day for _, day in keys}, self.dates)


def in_chain(keys: Iterable[Key]) -> tuple[str, ...]:
    """Return the processors of these, in the order of the chain."""
    codes = {code for code, _ in keys}
    return tuple(code for code in CODES if code in codes)


def rerun_action(
    keys: Iterable[Key], *, force: bool = False, outdated: bool = False, first: str = ""
) -> ProposedBackfill:
    """Propose a backfill of these and of their downstream processors."""
    codes, days = in_chain(keys := set(keys)), [day for _, day in keys]
    chain = downstream(codes)
    return ProposedBackfill(
        start=min(days),
        end=max(days),
        processors=() if chain == CODES else chain,
        force=force,
        outdated=outdated,
        first=first,
    )


def skip_brake_for_known_bugs(found: Sequence[FindingDraft]) -> list[FindingDraft]:
    """Turn off pause on error in actions whose dates have a known bug with its own Finding.

    Otherwise the known bug would pause the backfill that fixes something else.
    """
    bugs = [f for f in found if f.kind in (kinds.BUG, kinds.IMPOSSIBLE_VALUE)]
    return [
        f if f in bugs or not f.action or not _meets(f.action, bugs) else _past(f, f.action)
        for f in found
    ]


def _meets(action: ProposedBackfill, bugs: Iterable[FindingDraft]) -> bool:
    return any(action.start <= day <= action.end for bug in bugs for day in bug.dates)


def _past(finding: FindingDraft, action: ProposedBackfill) -> FindingDraft:
    return replace(finding, action=replace(action, brake=False))


# Differences from the expectation


def mismatches(season: AuditedSeason) -> Iterator[FindingDraft]:
    """Yield unexpected failures, unexpected successes and unaccounted entities, by processor, and
    apart those downstream of lost partitions.

    Failed and stale runs are omitted: the failure or the stale input is the reason.
    """
    out = season.stale | {key for key, run in season.ran.items() if not run.succeeded}
    wrong = {k: d for k, d in season.compared.items() if not d.is_exact and k not in out}
    for code in CODES:
        of_code = {key: diff for key, diff in wrong.items() if key[0] == code}
        below = of_code.keys() & season.below_lost
        for keys, suffix in ((of_code.keys() - below, ""), (below, BELOW_LOST)):
            diffs = {key: diff for key, diff in of_code.items() if key in keys}
            yield from _mismatches(season, code + suffix, diffs)


def _mismatches(
    season: AuditedSeason, subject: str, diffs: Mapping[Key, ExpectationDiff]
) -> Iterator[FindingDraft]:
    failures = {key: diff.unexplained for key, diff in diffs.items()}
    yield from _mismatch(season, kinds.UNEXPLAINED, subject, failures)
    successes = {key: _successes(diff) for key, diff in diffs.items()}
    yield from _mismatch(season, kinds.LOST, subject, successes)
    unaccounted = {
        key: dict.fromkeys(diff.unaccounted | diff.strange, "") for key, diff in diffs.items()
    }
    yield from _mismatch(season, kinds.UNACCOUNTED, subject, unaccounted)


def _successes(diff: ExpectationDiff) -> dict[str, str]:
    """Return entities with a row and an expected failure, with the expected category.

    An entity that failed with another category is an unexpected failure.
    """
    return {
        entity: category for entity, category in diff.lost.items() if entity not in diff.unexplained
    }


def _mismatch(
    season: AuditedSeason,
    kind: FindingKind,
    subject: str,
    entities: Mapping[Key, Mapping[str, str]],
) -> Iterator[FindingDraft]:
    members = {key: categories for key, categories in entities.items() if categories}
    if not members:
        return
    categories = Counter(
        category for by_entity in members.values() for category in by_entity.values() if category
    )
    counts = ", ".join(f"{n:,} {name}" for name, n in sorted(categories.items()))
    by_category = f" ({counts})" if counts else ""
    (code,), count = in_chain(members), sum(map(len, members.values()))
    sample = [
        f"{entity} on {day}"
        for (_, day), by_entity in sorted(members.items())
        for entity in sorted(by_entity)
    ][:SAMPLE]
    yield season.found(
        kind,
        members,
        subject,
        f"{code}: {pluralize(count, DIFFERENCES[kind.name])}{by_category}, {season.spans(members)}",
        count=count,
        action=rerun_action(members, force=True),
        numbers={"entities": count, "dates": len(members), "sample": sample},
    )


def duplicates(season: AuditedSeason) -> Iterator[FindingDraft]:
    """Yield output rows whose key occurs twice in their table."""
    for code in CODES:
        if found := {key: n for key, n in season.repeated.items() if n and key[0] == code}:
            count = sum(found.values())
            sentence = f"{code}: {pluralize(count, 'duplicate row')}, {season.spans(found)}"
            yield season.found(
                kinds.DUPLICATE_OUTPUT,
                found,
                code,
                sentence,
                count=count,
                action=rerun_action(found, force=True),
                numbers={"repeated": count},
            )


# Wrong rows


def _below_lost(
    season: AuditedSeason, below: Mapping[str, Sequence[Violation]]
) -> Iterator[FindingDraft]:
    """Yield one Finding per processor for all checks that fail downstream of lost partitions."""
    for code, broken in sorted(below.items()):
        keys, checks = [(code, v.date) for v in broken], len({v.check for v in broken})
        sentence = f"{code}: rows differ from a lost partition in {pluralize(checks, 'check')}"
        yield season.found(
            kinds.WRONG_CONTENT,
            keys,
            f"{code}{BELOW_LOST}",
            f"{sentence}, {season.spans(keys)}; for example {broken[0].sentence}",
            count=checks,
            action=rerun_action(keys, force=True),
            numbers={"checks": sorted({v.check for v in broken}), "sample": broken[0].sample},
        )


def violations(season: AuditedSeason, found: Iterable[Violation]) -> Iterator[FindingDraft]:
    """Yield rows that break an invariant or differ from the recomputed values.

    Violations that follow from wrong upstream rows are omitted.
    """
    current = [v for v in found if (v.processor, v.date) not in season.stale]
    wrong = {(v.processor, v.date) for v in current} | {
        key for key, compared in season.compared.items() if not compared.is_exact
    }
    by_check: dict[tuple[str, str], list[Violation]] = defaultdict(list)
    below: dict[str, list[Violation]] = defaultdict(list)
    for v in current:
        if (v.processor, v.date) in season.below_lost:
            below[v.processor].append(v)
        elif not any((before, v.date) in wrong for before in RULES[v.processor].reads):
            by_check[v.processor, v.check].append(v)
    yield from _below_lost(season, below)
    for (code, check), broken in sorted(by_check.items()):
        keys, count = [(code, v.date) for v in broken], sum(v.count for v in broken)
        rows = f"{pluralize(count, 'row')}, {season.spans(keys)}; for example {broken[0].sample}"
        sentence = f"{code}: {broken[0].sentence}: {rows}"
        yield season.found(
            kinds.WRONG_CONTENT,
            keys,
            f"{code} {check}",
            sentence,
            count=count,
            action=rerun_action(keys, force=True),
            numbers={"rows": count, "check": check, "sample": broken[0].sample},
        )
