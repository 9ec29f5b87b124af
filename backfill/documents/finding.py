"""Findings as the verbs tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backfill.models import Finding
from validation.cascade import Cascade
from validation.findings.kinds import Severity


def as_json(finding: Finding) -> dict[str, Any]:
    """One Finding as a document."""
    return {
        "finding": finding.pk,
        "kind": finding.kind,
        "severity": str(finding.weight),
        "state": finding.state,
        "season": finding.season,
        "processors": finding.processors,
        "first": finding.first,
        "last": finding.last,
        "dates": finding.dates,
        "count": finding.count,
        "sentence": finding.sentence,
        "cause": finding.cause,
        "advice": finding.advice,
        "evidence": {"numbers": finding.numbers, "query": finding.query},
        "action": finding.action,
        "marked_by": finding.marked_by,
        "note": finding.note,
        "found_at": finding.found_at,
    }


def headline(seasons: int, counts: Mapping[str, int], found: Sequence[Finding]) -> str:
    """What was judged, and how much of it wants somebody."""
    severities = [
        f"{n} {severity}{'s' * (n != 1)}"
        for severity in reversed(Severity)
        if (n := _listed(found, severity))
    ]
    return (
        f"{counts['unexplained']:,} unexplained failures in {counts['judged']:,} (processor, date) "
        f"of {seasons} season{'s' * (seasons != 1)}; {', '.join(severities) or 'nothing to look at'}"
    )


def roots(cascade: Cascade) -> list[dict[str, Any]]:
    """The failures by their root, the most frequent first, each with how many follow from it
    further down the chain.
    """
    every = set(cascade.roots) | {root for counted in cascade.follows.values() for root in counted}
    return [
        {"root": str(root), "failures": cascade.roots[root], "following": cascade.following(root)}
        for root in sorted(every, key=lambda root: (-cascade.roots[root], str(root)))
    ]


def roots_lines(cascade: Cascade) -> list[str]:
    """The same for a person."""
    return [_root_line(**found) for found in roots(cascade)]


def _root_line(root: str, failures: int, following: int) -> str:
    if not failures:
        return f"  {following:,} follow from {root}"
    return f"  {failures:,} {root}" + (f", and {following:,} follow" if following else "")


def _listed(found: Sequence[Finding], severity: Severity) -> int:
    return sum(1 for f in found if f.severity == severity and f.state in Finding.LISTED)


def line(finding: Finding) -> str:
    """One Finding in the list, with what to do."""
    state = "" if finding.state == Finding.State.OPEN else f" [{finding.state}{_by(finding)}]"
    parts = [
        f"#{finding.pk} {finding.weight}: {finding.kind}{state}: {finding.sentence}",
        f"    cause: {finding.cause}",
    ]
    return "\n".join([*parts, f"    next:  {todo(finding)}"])


def _by(finding: Finding) -> str:
    return f" by {finding.marked_by}: {finding.note}" if finding.marked_by else ""


def todo(finding: Finding) -> str:
    """What to do next, with the command where the system can do it."""
    if not finding.action:
        return finding.advice
    first = f"{finding.action['first']}, then " if finding.action["first"] else ""
    return (
        f"{first}`{finding.action['command']}`"
        if first
        else f"{finding.advice} `{finding.action['command']}`"
    )


def whole(finding: Finding) -> str:
    """Everything about one Finding: evidence, query, history."""
    numbers = [f"    {name}: {value}" for name, value in finding.numbers.items()]
    events = [
        f"    {e.at:%Y-%m-%d %H:%M} {e.action} by {e.actor}: {e.reason}"
        for e in finding.events.order_by("pk")
    ]
    dates = f"    dates: {finding.first} to {finding.last} ({len(finding.dates)})"
    return "\n".join(
        [line(finding), dates, *numbers, "  history", *events, "  query", finding.query]
    )
