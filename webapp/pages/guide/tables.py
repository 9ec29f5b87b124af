"""Tables of the guide, generated from the code that decides, so that they cannot differ from it."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from backfill import queries
from backfill.execution import live_checks
from backfill.ingest import input_files, vocabularies
from backfill.plan.options import MAX_PARALLEL, Options
from backfill.processors.registry import PROCESSORS
from validation import bands, categories, coverage, preflight_report, retry, season
from validation.findings import content
from validation.findings import kinds as finding_kinds
from validation.preflight_report import PreflightEffect
from validation.thresholds import COMPLETENESS, SLOW_SECONDS, percent
from webapp import keys
from webapp.models import Role
from webapp.pages.guide import commands, glossary, legend, runbook


@dataclass(frozen=True)
class Sample:
    """Example of a retry decision, made by the rules themselves."""

    when: str
    retry: str
    reason: str


SEVERITIES = {
    finding_kinds.Severity.PROBLEM: "numbers are wrong or missing",
    finding_kinds.Severity.WARNING: "check when convenient",
    finding_kinds.Severity.NOTE: "no action",
}
F = retry.FailureFacts
# One case for each decision of the rules.
CASES: tuple[tuple[str, retry.FailureFacts], ...] = (
    ("too few games, Phase 3 unchanged", F(failure="INSUFFICIENT_DATA")),
    ("too few games, Phase 3 changed", F(failure="INSUFFICIENT_DATA", phase3_has_changed=True)),
    (
        "no upstream row, because upstream had too few games",
        F(failure="MISSING_DEPENDENCY", causes={"INSUFFICIENT_DATA": 1}),
    ),
    (
        "no upstream row, because upstream had a bug",
        F(failure="MISSING_DEPENDENCY", causes={"PROCESSING_ERROR": 1}),
    ),
    (
        "no upstream row during the run, one now",
        F(failure="MISSING_DEPENDENCY", causes={retry.HAS_ROW: 1}),
    ),
    (
        "no upstream row, upstream complete after the run",
        F(failure="MISSING_DEPENDENCY", upstream=retry.UpstreamRuns.AFTER),
    ),
    ("recent games missing", F(failure="INCOMPLETE_DATA")),
    ("impossible value, Phase 3 unchanged", F(failure="PROCESSING_ERROR")),
    ("impossible value, code changed", F(failure="PROCESSING_ERROR", code_has_changed=True)),
    ("impossible value, Phase 3 changed", F(failure="PROCESSING_ERROR", phase3_has_changed=True)),
    ("no row and no failure, same code", F(failure="UNKNOWN")),
    ("no row and no failure, code changed", F(failure="UNKNOWN", code_has_changed=True)),
    (
        "blocked, upstream not complete",
        F(failure=retry.BLOCKED, upstream=retry.UpstreamRuns.NOT_COMPLETE, waits_for=("PSZA",)),
    ),
    ("blocked, upstream complete now", F(failure=retry.BLOCKED, upstream=retry.UpstreamRuns.AFTER)),
    ("cancelled", F(failure=retry.CANCELLED)),
    ("partition missing or damaged", F(failure=retry.LOST)),
    *((f"run ended with {name}", F(failure=name)) for name in (*retry.PASSING, retry.CORRUPT)),
)
CLASSES = {
    retry.RetryClass.NOW: "The input or code changed after the run, or the error was transient.",
    retry.RetryClass.AFTER_UPSTREAM: "Upstream or Phase 3 comes first; the preview names it.",
    retry.RetryClass.NEVER: "Too few games. The same run gives the same result.",
    retry.RetryClass.AFTER_FIX: "Fix the code or the source row first.",
}
NORMAL_MODE = {
    live_checks.DEFENSIVE: "Every upstream run of the date succeeded, and every source has rows.",
    live_checks.FRESHNESS: "The newest row of each source is recent enough.",
    live_checks.COMPLETENESS: f"From day {COMPLETENESS.first_day}, at least "
    f"{percent(COMPLETENESS.required_tenths / 10)} of the recent team games are present.",
    live_checks.TRIGGER: "One message to Phase 5 when all five processors have succeeded.",
}
ROLE_RIGHTS = {
    Role.VIEWER: "Read everything.",
    Role.OPERATOR: "Start, control and retry jobs.",
    Role.ADMIN: "Manage users and limits, start large launches.",
}
# States of a job and of a run, with their meaning; the words are those of webapp/ui/states.py.
JOB_STATES = (
    ("queued", "Waits for its first worker."),
    ("running", "Batches are in flight."),
    ("paused", "Nothing is in flight. Resume it to run the rest."),
    ("succeeded", "Every run is complete or skipped."),
    ("failed", "At least one run failed or is blocked. Retry it."),
    ("cancelled", "Stopped by a user. Resume it to run the rest."),
)
RUN_STATES = (
    ("pending", "Has not started."),
    ("running", "A worker executes it."),
    ("complete", "Every entity has one row or one classified failure."),
    ("skipped", "Nothing to do: bootstrap, or already complete."),
    ("blocked", "An upstream run of its date failed. Retry that run; this one follows."),
    ("failed", "No valid result: error of the statement, the accounting or the warehouse."),
    ("cancelled", "Dropped before it was complete."),
)
COMPLETE_RUNS = (
    ("clean", "No failure."),
    ("expected", "Every failure follows from too few games."),
    ("outside", "At least one bug, unexpected failure or unaccounted entity."),
)


def of(slug: str) -> dict[str, Any]:
    """Return the context of a topic's template."""
    return MADE[slug]() if slug in MADE else {}


def _processors() -> dict[str, Any]:
    first = [code for code, found in PROCESSORS.items() if not found.after]
    later = [code for code in PROCESSORS if code not in first]
    return {"processors": list(PROCESSORS.values()), "first": first, "later": later}


def _calendar() -> dict[str, Any]:
    return {
        "bootstrap_days": season.BOOTSTRAP_DAYS,
        "first_month": calendar.month_name[season.FIRST_MONTH],
        "date_types": list(season.DateType),
    }


def _early() -> dict[str, Any]:
    rows = [(code, days, band) for code in bands.RUNBOOK for days, band in bands.in_order(code)]
    return {
        "bands": rows,
        "min_entities": bands.MIN_ENTITIES,
        "history_days": bands.HISTORY_DAYS,
        "tolerance": f"{100 * bands.TOLERANCE:g} point",
        "processors": [p for p in PROCESSORS.values() if p.rules.minimum],
    }


def _categories() -> dict[str, Any]:
    return {"categories": categories.CATEGORIES, "date_level": categories.DATE_LEVEL}


def _retry() -> dict[str, Any]:
    samples = [
        Sample(when, str(v.retry), v.reason)
        for when, facts in CASES
        for v in [retry.verdict(facts)]
    ]
    return {
        "classes": CLASSES.items(),
        "samples": samples,
        "usual_retries": Options.max_retries,
    }


def _findings() -> dict[str, Any]:
    by_weight = [
        (str(s), SEVERITIES[s], [k for k in finding_kinds.KINDS if k.severity is s])
        for s in reversed(finding_kinds.Severity)
    ]
    return {"severities": by_weight, "slow_seconds": SLOW_SECONDS, "min_rows": content.MIN_ROWS}


def _modes() -> dict[str, Any]:
    limits = [
        ("player sources", live_checks.FRESHNESS_LIMITS),
        ("team sources", live_checks.TEAM_FRESHNESS),
    ]
    hours = [
        (words, f.warn.total_seconds() / 3600, f.refuse.total_seconds() / 3600)
        for words, f in limits
    ]
    return {"checks": NORMAL_MODE.items(), "freshness": hours}


RESULTS = {
    preflight_report.PreflightKind.NOT_LOADED: "season not loaded",
    preflight_report.PreflightKind.UNFINISHED: "unfinished load or copy",
    preflight_report.PreflightKind.NOTHING_TO_RUN: "no date to run",
    preflight_report.PreflightKind.SCHEDULE: "season years that contradict the dates",
    preflight_report.PreflightKind.POSTPONED: "games listed on several dates",
    preflight_report.PreflightKind.HELD: "dates locked by another job",
    preflight_report.PreflightKind.UNFINISHED: "load or copy interrupted",
    preflight_report.PreflightKind.EXPIRY: "partitions expire",
    preflight_report.PreflightKind.NO_ROWS: "no rows in an input table",
    preflight_report.PreflightKind.FEW_ROWS: "few rows in an input table",
    preflight_report.PreflightKind.SHORT_WINDOWS: "missing earlier games",
    preflight_report.PreflightKind.KNOWN_BUG: "open finding of an impossible value",
    preflight_report.PreflightKind.CONTRADICTION: "Phase 3 tables contradict each other",
    preflight_report.PreflightKind.OUTPUT: "output exists",
}
EFFECTS = {
    PreflightEffect.BLOCKS: "blocker",
    PreflightEffect.WARNS: "warning",
    PreflightEffect.TELLS: "informational",
}


def _preflight() -> dict[str, Any]:
    kinds = [
        (RESULTS[k], EFFECTS[k.effect], k.effect is PreflightEffect.BLOCKS and k.can_be_overridden)
        for k in preflight_report.PreflightKind
    ]
    return {"kinds": kinds, "low": coverage.LOW, "rows_per_game": coverage.ROWS_PER_GAME.items()}


def _jobs() -> dict[str, Any]:
    return {
        "job_states": JOB_STATES,
        "run_states": RUN_STATES,
        "complete_runs": COMPLETE_RUNS,
        "legend": legend.rows(),
        "bugs": categories.BUGS,
        "parallel": settings.MAX_PARALLEL_BATCHES,
        "most_parallel": MAX_PARALLEL,
    }


def _queries() -> dict[str, Any]:
    return {"queries": [queries.named(name) for name in queries.names()]}


def _load() -> dict[str, Any]:
    return {
        "formats": input_files.SUPPORTED,
        "game_types": list(vocabularies.GAME_TYPES),
        "game_statuses": vocabularies.STATUS_NAMES,
        "game_id_form": vocabularies.GAME_ID_FORM,
    }


def _roles() -> dict[str, Any]:
    return {
        "roles": [(role.value, ROLE_RIGHTS[role]) for role in Role],
        "limit": settings.APPROVAL_THRESHOLD_DATES,
        "token_days": settings.TOKEN_DAYS,
    }


MADE: Mapping[str, Callable[[], dict[str, Any]]] = {
    "runbook": lambda: {"sections": runbook.SECTIONS},
    "processors": _processors,
    "season": lambda: {**_calendar(), **_early()},
    "failures": _categories,
    "retry": _retry,
    "findings": _findings,
    "preflight": lambda: {**_preflight(), **_modes()},
    "load": _load,
    "jobs": _jobs,
    "queries": _queries,
    "commands": lambda: {"commands": commands.all_commands()},
    "roles": _roles,
    "keys": lambda: {"sections": keys.SECTIONS},
    "glossary": lambda: {"terms": glossary.in_order()},
}
