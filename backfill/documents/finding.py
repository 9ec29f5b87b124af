"""Findings and their root causes as JSON documents."""

from __future__ import annotations

from typing import Any

from backfill.models import Finding
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
    }


def roots(cascade: Cascade) -> list[dict[str, Any]]:
    """Return the failures by root cause, most frequent first, each with its number of downstream
    failures.
    """
    every = set(cascade.roots) | {root for counted in cascade.follows.values() for root in counted}
    return [
        {"root": str(root), "failures": cascade.roots[root], "following": cascade.following(root)}
        for root in sorted(every, key=lambda root: (-cascade.roots[root], str(root)))
    ]
