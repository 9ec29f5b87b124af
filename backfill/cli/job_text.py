"""Jobs and their comparison as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backfill.cli.tables import table
from backfill.elapsed import CLOCK_MOVED
from backfill.plan.options import Options
from backfill.status.comparison import JobComparison
from validation.findings.kind_labels import label

CHANGES = (("healed", "fixed"), ("remaining", "remaining"), ("new", "new"))
WORD_OF_CHANGE = dict(CHANGES)
WORDS = (
    ("failed", "failed runs only"),
    ("force", "forced"),
    ("skip_preflight", "preflight skipped"),
)
SWITCHED_OFF = (("canary", "no canary"), ("brake", "no pause on error"))
MOST_GROUPS = 20


def job_text(summary: dict[str, Any]) -> str:
    """Write a job: its figures and the next actions."""
    seconds = f" in {summary['seconds']:.1f} s" if summary["seconds"] is not None else ""
    seconds += f" ({CLOCK_MOVED})" if summary["clock_moved"] else ""
    rows = [
        {
            "processor": p["processor"],
            "dates": ", ".join(f"{n} {status}" for status, n in p["dates"].items()) or "-",
            "skipped": ", ".join(f"{n} {reason}" for reason, n in p["skipped"].items()) or "-",
            "rows": p["rows"],
            "failures": ", ".join(f"{n:,} {name}" for name, n in p["failures"].items()) or "-",
            "query s": round(p["query_seconds"], 2),
            "write s": round(p["write_seconds"], 2),
        }
        for p in summary["processors"]
    ]
    look = (
        ["Next:", *(f"  - {line}" for line in summary["next"])]
        if summary["next"]
        else ["Nothing failed."]
    )
    stopped = f": {summary['stopped']}" if summary["stopped"] else ""
    if summary["status"] == "paused":
        look.append(
            f"`manage.py resume {summary['job']}` resumes it; add --no-pause-on-error to continue"
            f" past bugs; `manage.py cancel {summary['job']}` cancels it"
        )
    first = f"job {summary['job']} {summary['status']}{seconds}{stopped}"
    lines = [
        first,
        _options_line(summary),
        *retried_lines(summary),
        table(rows),
        *_change_lines(summary),
        *look,
        *group_lines(summary),
    ]
    return "\n".join([*lines, *_finding_lines(summary)])


def _change_lines(summary: dict[str, Any]) -> list[str]:
    """Write the changes of a job; nothing for a job that replaced nothing."""
    if not (changes := summary["changes"]):
        return []
    note = f" {changes['note']}" if changes["note"] else ""
    return [f"Changes: {changes['sentence']}.{note}"]


def _finding_lines(summary: dict[str, Any]) -> list[str]:
    """Write the findings of the audit, most severe first; nothing before an audit."""
    findings, options = summary["findings"], summary["options"]
    if findings is None:
        return []
    triage = f"`manage.py triage --start {options['start']} --end {options['end']}`"
    about = (
        [f"About {n:,} failures are expected only because Phase 3 rows are missing."]
        if (n := summary["waiting"])
        else []
    )
    lines = [
        f"  #{f['finding']} {f['severity']}: {label(f['kind'])}: {f['sentence']}" for f in findings
    ]
    number = f"{len(findings)} finding{'s' * (len(findings) != 1)}" if findings else "none"
    return [f"Audited. Needs attention: {number}; see {triage}", *about, *lines]


def _options_line(summary: dict[str, Any]) -> str:
    """Write the options in force, the user and the reason."""
    options = summary["options"]
    words = [
        Options.from_json(options).span,
        f"{options['mode']} mode",
        f"batches of {summary['batch_size']}",
    ]
    words += [word for name, word in WORDS if options.get(name)]
    words += [word for name, word in SWITCHED_OFF if not options.get(name, True)]
    return ", ".join([*words, f"by {summary['who']}"]) + (
        f": {summary['why']}" if summary["why"] else ""
    )


def retried_lines(summary: dict[str, Any]) -> list[str]:
    """Write the result of a retry, or the job of an undo, in one line; nothing for any other job."""
    if summary["undo_of"]:
        return [f"undo of job {summary['undo_of']}"]
    if not (changes := summary["retried"]):
        return []
    kinds = "; ".join(f"{word}: {_counted(changes[kind])}" for kind, word in CHANGES)
    return [f"retry of job {summary['retry_of']}: {kinds}"]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.items()) or "none"


def group_lines(summary: dict[str, Any]) -> list[str]:
    """Write the error groups with the IDs that `retry --group` takes."""
    if not (groups := summary["groups"]):
        return []
    rows = [
        {
            "id": g["id"],
            "processor": g["processor"],
            "error": g["what"],
            "count": g["count"],
            "dates": g["dates"],
            "first": str(g["first"]),
            "last": str(g["last"]),
            "sample": g["sample"],
            "entities": ", ".join(g["entities"]) or "-",
        }
        for g in groups[:MOST_GROUPS]
    ]
    more = [f"and {len(groups) - MOST_GROUPS} more"] if len(groups) > MOST_GROUPS else []
    return [f"Error groups (`manage.py retry {summary['job']} --group ID`):", table(rows), *more]


# Comparisons


def comparison_text(comparison: JobComparison) -> str:
    """Write the comparison of two jobs."""
    totals = comparison.totals()
    rows = [
        {"failure": name, **{WORD_OF_CHANGE.get(kind, kind): n for kind, n in counts.items()}}
        for name, counts in totals.items()
    ]
    apart = [
        f"{_runs(len(keys))} {where}"
        for keys, where in (
            (comparison.only_before, f"only in job {comparison.before}"),
            (comparison.only_after, f"only in job {comparison.after}"),
            (comparison.undecided, "not finished in both jobs"),
        )
        if keys
    ]
    head = (
        f"job {comparison.before} compared with job {comparison.after}:"
        f" {_runs(comparison.compared)} in both"
    )
    none = "no failures in either job" if comparison.compared else "no common runs to compare"
    return "\n".join(
        [
            ", ".join([head, *apart]),
            table(rows) if rows else none,
            *_new_lines(comparison),
        ]
    )


def _runs(n: int) -> str:
    return f"{n:,} run{'s' * (n != 1)}"


def _new_lines(comparison: JobComparison) -> list[str]:
    new = [c for c in comparison.changes if c.new]
    shown = [f"  - {c.processor} {c.date}: {c.new:,} {c.what}" for c in new[:10]]
    more = [f"  - and {len(new) - 10} more"] if len(new) > 10 else []
    return ["New failures:", *shown, *more] if new else []
