"""A season as judged in, Findings out: what was compared, run, read and counted, each looked at by
itself, then folded.

A Finding that follows from another one is not told a second time: a date without Phase 3 is the
root of its hole, of its
failed runs and of what is odd about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from validation.expectation import CODES, ExpectationDiff
from validation.findings import kinds
from validation.findings.kinds import (
    FindingDraft,
    FindingKind,
    ProposedBackfill,
    format_date_ranges,
    pluralize,
)

Key = tuple[str, date]  # of a processor

SAMPLE = 5


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """How the newest run of a (processor, date) ended. `succeeded` is complete or skipped."""

    processor: str
    day: date
    succeeded: bool
    error: str = ""
    reason: str = ""
    refused_by: str = ""  # the check that refused it, where it broke by no error
    is_blocked: bool = False
    is_bug: bool = False
    no_population: bool = False
    is_lost: bool = False
    statement_changed: bool = False
    query_seconds: float = 0.0
    write_seconds: float = 0.0
    check_seconds: float = 0.0

    @property
    def key(self) -> Key:
        """What it is of."""
        return self.processor, self.day

    @property
    def seconds(self) -> float:
        """All that the date took."""
        return self.query_seconds + self.write_seconds + self.check_seconds


@dataclass(frozen=True)
class AuditedSeason:
    """What is known of one season: its processing dates without bootstrap, and per (processor,
    date) what was found.
    """

    year: int
    dates: tuple[date, ...]
    ran: Mapping[Key, RunFacts] = field(default_factory=dict)
    compared: Mapping[Key, ExpectationDiff] = field(default_factory=dict)
    repeated: Mapping[Key, int] = field(default_factory=dict)
    stale: frozenset[Key] = frozenset()

    @property
    def last(self) -> date:
        """The last date that was run, or of the season."""
        return max((day for _, day in self.ran), default=self.dates[-1])

    def found(
        self, kind: FindingKind, keys: Iterable[Key], subject: str, sentence: str, **details: Any
    ) -> FindingDraft:
        """A Finding about some (processor, date)."""
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
        """The dates of these as a person writes them."""
        return format_date_ranges({day for _, day in keys}, self.dates)


def in_chain(keys: Iterable[Key]) -> tuple[str, ...]:
    """The processors of these, in the order of the chain."""
    codes = {code for code, _ in keys}
    return tuple(code for code in CODES if code in codes)


def rerun_action(
    keys: Iterable[Key], *, force: bool = False, outdated: bool = False, first: str = ""
) -> ProposedBackfill:
    """Run these again, with what follows them in the chain."""
    codes, days = in_chain(keys := set(keys)), [day for _, day in keys]
    # PCF and what follows wait for both of the first two; of these, only the named ones run again.
    chain = tuple(
        code for code in CODES if code in codes or CODES.index(code) > max(1, CODES.index(codes[0]))
    )
    return ProposedBackfill(
        min(days), max(days), () if chain == CODES else chain, force, outdated, first
    )


def skip_brake_for_known_bugs(found: Sequence[FindingDraft]) -> list[FindingDraft]:
    """Let a known bug not stop what is proposed about something else: where one is listed, the
    others' actions go past it.
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


# What does not match the games played


def mismatches(season: AuditedSeason) -> Iterator[FindingDraft]:
    """Unexplained, lost and unaccounted entities, by processor; but where a run failed or is stale,
    that is the reason.
    """
    broken = {key for key, run in season.ran.items() if not run.succeeded}
    for code in CODES:
        judged = {
            key: found
            for key, found in season.compared.items()
            if key[0] == code and not found.is_exact and key not in season.stale | broken
        }
        yield from _mismatch(
            season, kinds.UNEXPLAINED, code, {key: c.unexplained for key, c in judged.items()}
        )
        yield from _mismatch(
            season, kinds.LOST, code, {key: _only_lost(c) for key, c in judged.items()}
        )
        strange = {key: dict.fromkeys(c.unaccounted | c.strange, "") for key, c in judged.items()}
        yield from _mismatch(season, kinds.UNACCOUNTED, code, strange)


def _only_lost(found: ExpectationDiff) -> dict[str, str]:
    """Who failed otherwise than he must is among the unexplained already."""
    return {
        entity: category
        for entity, category in found.lost.items()
        if entity not in found.unexplained
    }


def _mismatch(
    season: AuditedSeason, kind: FindingKind, code: str, judged: Mapping[Key, Mapping[str, str]]
) -> Iterator[FindingDraft]:
    members = {key: found for key, found in judged.items() if found}
    if not members:
        return
    categories = Counter(
        category for found in members.values() for category in found.values() if category
    )
    of_what = (
        f" ({', '.join(f'{n:,} {name}' for name, n in sorted(categories.items()))})"
        if categories
        else ""
    )
    count = sum(map(len, members.values()))
    sample = [
        f"{entity} on {day}"
        for (_, day), found in sorted(members.items())
        for entity in sorted(found)
    ][:SAMPLE]
    yield season.found(
        kind,
        members,
        code,
        f"{code}: {pluralize(count, 'entity')} {kind.title}{of_what}, {season.spans(members)}",
        count=count,
        action=rerun_action(members, force=True),
        numbers={"entities": count, "dates": len(members), "sample": sample},
    )


def duplicates(season: AuditedSeason) -> Iterator[FindingDraft]:
    """Keys that a table holds twice."""
    for code in CODES:
        if found := {key: n for key, n in season.repeated.items() if n and key[0] == code}:
            count = sum(found.values())
            sentence = f"{code}: {pluralize(count, 'row')} with the key of another one, {season.spans(found)}"
            yield season.found(
                kinds.DUPLICATE_OUTPUT,
                found,
                code,
                sentence,
                count=count,
                action=rerun_action(found, force=True),
                numbers={"repeated": count},
            )
