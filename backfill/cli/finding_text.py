"""Findings as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backfill.documents.finding import roots, steps
from backfill.models import Finding
from backfill.models.finding import folded
from validation.cascade import Cascade
from validation.findings.kind_labels import label
from validation.findings.kinds import Severity, pluralize


def headline(seasons: int, counts: Mapping[str, int], findings: Sequence[Finding]) -> str:
    """Summarize an audit: runs, unexpected failures, open findings by severity."""
    severities = [
        f"{n} {severity}{'s' * (n != 1)}"
        for severity in reversed(Severity)
        if (n := _count_listed(findings, severity))
    ]
    runs, unexpected = counts["judged"], counts["unexplained"]
    n = counts["waiting"]
    waiting = f" about {n:,} expected only because Phase 3 rows are missing;" if n else ""
    below = sum(len(found) for root, found in folded(findings) if root.state in Finding.LISTED)
    follow = f", with {pluralize(below, 'consequence')}" if below else ""
    return (
        f"Audited {runs:,} run{'s' * (runs != 1)} of {seasons} season{'s' * (seasons != 1)}:"
        f" {unexpected:,} unexpected failure{'s' * (unexpected != 1)};{waiting}"
        f" {', '.join(severities) or 'no open findings'}{follow}"
    )


def _count_listed(findings: Sequence[Finding], severity: Severity) -> int:
    counted = (finding for finding, _ in folded(findings))
    return sum(1 for f in counted if f.severity == severity and f.state in Finding.LISTED)


def roots_lines(cascade: Cascade) -> list[str]:
    """Write a line per root cause."""
    return [_root_line(**root) for root in roots(cascade)]


def _root_line(root: str, failures: int, following: int) -> str:
    if not failures:
        return f"  {following:,} follow from {root}"
    return f"  {failures:,} {root}" + (f", and {following:,} follow" if following else "")


def lines(findings: Sequence[Finding]) -> list[str]:
    """Write the findings, each with its consequences below it."""
    return [
        "\n".join([line(finding), *map(_consequence, below)]) for finding, below in folded(findings)
    ]


def _consequence(finding: Finding) -> str:
    return f"    consequence #{finding.pk} {label(finding.kind)}: {finding.sentence}"


def line(finding: Finding) -> str:
    """Write a finding in the list, with its cause and the next action."""
    state = "" if finding.state == Finding.State.OPEN else f" [{finding.state}{_by(finding)}]"
    parts = [
        f"#{finding.pk} {finding.weight}: {label(finding.kind)}{state}: {finding.sentence}",
        f"    cause: {finding.cause}",
    ]
    return "\n".join([*parts, f"    next:  {todo(finding)}"])


def _by(finding: Finding) -> str:
    return f" by {finding.marked_by}: {finding.note}" if finding.marked_by else ""


def todo(finding: Finding) -> str:
    """Return the next action, with its command where one exists."""
    if not finding.action:
        return finding.advice
    first = f"{finding.action['first']}, then " if finding.action["first"] else ""
    return (
        f"{first}`{finding.action['command']}`"
        if first
        else f"{finding.advice} `{finding.action['command']}`"
    )


def _span(finding: Finding) -> str:
    one_date = finding.first == finding.last
    return f"{finding.first}" if one_date else f"{finding.first} to {finding.last}"


def whole(finding: Finding) -> str:
    """Write a finding in full: dates, evidence, history, query."""
    numbers = [f"    {name}: {value}" for name, value in finding.numbers.items()]
    events = [
        f"    {e.at:%Y-%m-%d %H:%M} {e.action} by {e.actor}: {e.reason}"
        for e in finding.events.order_by("pk")
    ]
    fix = [
        f"    step {n} {step['state']}: {step['text'] or step['title']}"
        for n, step in enumerate(steps(finding) or (), 1)
    ]
    below = map(_consequence, finding.consequences.order_by("rank", "first", "pk"))
    root = [f"    root: #{finding.root_id} {finding.root.sentence}"] if finding.root else []
    dates = f"    dates: {_span(finding)} ({len(finding.dates)})"
    return "\n".join(
        [
            line(finding),
            *root,
            *below,
            *fix,
            dates,
            *numbers,
            "  history",
            *events,
            "  query",
            finding.query,
        ]
    )
