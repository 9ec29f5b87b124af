"""Findings and their root causes as JSON documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from backfill.audit.fix_steps import fix_of
from backfill.errors import BackcourtError
from backfill.models import Finding
from backfill.models.finding import folded
from validation.cascade import Cascade


def as_json(finding: Finding) -> dict[str, Any]:
    """Return a finding."""
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
        "root": finding.root_id,
    }


def as_list(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings with their consequences, which do not count by themselves."""
    return [_with_consequences(*found) for found in folded(findings)]


def as_whole(finding: Finding) -> dict[str, Any]:
    """Return one finding with its consequences and the steps of its fix."""
    below = finding.consequences.order_by("rank", "first", "pk")
    return {**_with_consequences(finding, below), "steps": steps(finding)}


def steps(finding: Finding) -> list[dict[str, Any]] | None:
    """Return the steps of a fix as they are now; None for a consequence, and while the warehouse
    cannot be read.
    """
    try:
        found = fix_of(finding).steps if finding.root_id is None else None
    except BackcourtError:
        return None
    return None if found is None else [asdict(step) for step in found]


def _with_consequences(finding: Finding, below: Iterable[Finding]) -> dict[str, Any]:
    return {**as_json(finding), "consequences": [as_json(each) for each in below]}


def roots(cascade: Cascade) -> list[dict[str, Any]]:
    """Return the failures by root cause, most frequent first, each with its number of downstream
    failures.
    """
    every = set(cascade.roots) | {root for counted in cascade.follows.values() for root in counted}
    return [
        {"root": str(root), "failures": cascade.roots[root], "following": cascade.following(root)}
        for root in sorted(every, key=lambda root: (-cascade.roots[root], str(root)))
    ]
