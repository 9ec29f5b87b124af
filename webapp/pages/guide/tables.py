"""The tables of the guide that are made from what the code decides, so that neither can be ahead of
the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from backfill import queries
from backfill.execution import live_checks
from backfill.plan.options import MAX_PARALLEL, Options
from backfill.processors.registry import PROCESSORS
from validation import bands, categories, coverage, expectation, preflight_report, retry, season
from validation.findings import content
from validation.findings import kinds as finding_kinds
from validation.preflight_report import PreflightEffect
from validation.thresholds import COMPLETENESS, SLOW_SECONDS, percent
from webapp import keys
from webapp.models import Role
from webapp.ui import states


@dataclass(frozen=True)
class Sample:
    """A retry class by an example that the rules themselves have judged."""

    when: str
    retry: str
    reason: str


@dataclass(frozen=True)
class Verb:
    """One thing that the runbook has you do: where it is here, and how from a shell."""

    what: str
    page: str  # a URL name
    words: str
    shell: str


NOVEMBER = "--start 2021-11-01 --end 2021-11-30"
VERBS = (
    Verb(
        "check Phase 3 before a start",
        "backfill_new",
        "New backfill: the preflight is live in the form",
        "preflight_check 2021-11-01 --end-date 2021-11-30",
    ),
    Verb(
        "see which Phase 4 data exists",
        "coverage",
        "Coverage: every table by date",
        f"query records-per-date {NOVEMBER}",
    ),
    Verb("run the chain over a range", "backfill_new", "New backfill", f"backfill {NOVEMBER}"),
    Verb(
        "enable backfill mode in the options",
        "backfill_new",
        "New backfill: it is the mode that is chosen already",
        f"backfill {NOVEMBER} --mode backfill",
    ),
    Verb(
        "skip the preflight",
        "backfill_new",
        "New backfill: the switch, with a reason",
        f'backfill {NOVEMBER} --skip-preflight --reason "why"',
    ),
    Verb("follow checkpoint files", "jobs", "Jobs: the job's page is live", "jobs 7"),
    Verb(
        "run one processor's script",
        "backfill_new",
        "New backfill: choose the processor",
        f"backfill {NOVEMBER} --processors PSZA",
    ),
    Verb(
        "run one processor for one date",
        "home",
        "Home: a cell of the grid leads to its date, which has the button",
        "run_processor PSZA 2021-11-22",
    ),
    Verb(
        "validate a date",
        "coverage",
        "Coverage, and the page of the date",
        "validate_pipeline 2021-11-22 --phase 4 --verbose",
    ),
    Verb(
        "check Phase 3 of a date with a high failure rate",
        "coverage",
        "Coverage, and Triage, which names the date already",
        "validate_pipeline 2021-11-22 --phase 3 --verbose",
    ),
    Verb(
        "count records per date",
        "queries",
        "Queries: records-by-processor",
        f"query records-by-processor {NOVEMBER}",
    ),
    Verb(
        "break failures down by category",
        "queries",
        "Queries: failure-breakdown; on a job's page live",
        f"query failure-breakdown {NOVEMBER}",
    ),
    Verb(
        "decide what to investigate and what to ignore",
        "triage",
        "Triage: what nothing explains, worst first",
        "triage",
    ),
    Verb(
        "compare failure rates with what is expected",
        "rates",
        "Failure rates: the band and the exact expectation",
        f"query failure-rates {NOVEMBER}",
    ),
    Verb(
        "see the status of a month",
        "queries",
        "Queries: month-status",
        f"query month-status {NOVEMBER}",
    ),
    Verb(
        "find what can be retried",
        "triage",
        "Triage and a job's page: Retry lists what runs and what is left out",
        "retry 7 --dry-run",
    ),
    Verb("check the run history", "runs", "Runs", "runs 2021-11-22"),
)

SEVERITIES = {
    finding_kinds.Severity.PROBLEM: "numbers are wrong or missing",
    finding_kinds.Severity.WARNING: "somebody ought to look",
    finding_kinds.Severity.NOTE: "explains something and wants nobody",
}
F = retry.FailureFacts
# One case for every way in which the rules can decide.
CASES: tuple[tuple[str, retry.FailureFacts], ...] = (
    ("too few games, nothing new in Phase 3", F("INSUFFICIENT_DATA")),
    ("too few games, and Phase 3 has changed", F("INSUFFICIENT_DATA", phase3_has_changed=True)),
    (
        "no upstream row, because upstream had too few games",
        F("MISSING_DEPENDENCY", causes={"INSUFFICIENT_DATA": 1}),
    ),
    (
        "no upstream row, because upstream met a bug",
        F("MISSING_DEPENDENCY", causes={"PROCESSING_ERROR": 1}),
    ),
    (
        "no upstream row then, and there is one now",
        F("MISSING_DEPENDENCY", causes={retry.HAS_ROW: 1}),
    ),
    (
        "no upstream row, and upstream ran again since",
        F("MISSING_DEPENDENCY", upstream=retry.UpstreamRuns.AFTER),
    ),
    ("recent games missing", F("INCOMPLETE_DATA")),
    ("an impossible value, still there", F("PROCESSING_ERROR")),
    (
        "an impossible value, and Phase 3 has changed",
        F("PROCESSING_ERROR", phase3_has_changed=True),
    ),
    ("no row and no failure, same code", F("UNKNOWN")),
    ("no row and no failure, other code since", F("UNKNOWN", code_has_changed=True)),
    (
        "blocked, and upstream is not complete",
        F(retry.BLOCKED, upstream=retry.UpstreamRuns.NOT_COMPLETE, waits_for=("PSZA",)),
    ),
    ("blocked, and upstream is complete now", F(retry.BLOCKED, upstream=retry.UpstreamRuns.AFTER)),
    ("cancelled", F(retry.CANCELLED)),
    ("the partition is gone or damaged", F(retry.LOST)),
    *((f"the run ended with {name}", F(name)) for name in (*retry.PASSING, retry.CORRUPT)),
)


def of(slug: str) -> dict[str, Any]:
    """What the template of a topic shows besides its words."""
    return MADE[slug]() if slug in MADE else {}


def _processors() -> dict[str, Any]:
    minimum = {
        "TDZA": expectation.DEFENSE_GAMES,
        "PSZA": expectation.SHOT_GAMES,
        "PDC": expectation.CACHE_GAMES,
    }
    return {"processors": [(p, minimum.get(code)) for code, p in PROCESSORS.items()]}


def _calendar() -> dict[str, Any]:
    return {
        "bootstrap_days": season.BOOTSTRAP_DAYS,
        "first_month": season.FIRST_MONTH,
        "date_types": list(season.DateType),
    }


def _early() -> dict[str, Any]:
    rows = [(code, band) for code, found in bands.RUNBOOK.items() for band in found]
    games = {
        "psza": expectation.SHOT_GAMES,
        "tdza": expectation.DEFENSE_GAMES,
        "pdc": expectation.CACHE_GAMES,
    }
    return {
        "bands": rows,
        "min_entities": bands.MIN_ENTITIES,
        "history_days": bands.HISTORY_DAYS,
        "games": games,
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
        "classes": list(retry.RetryClass),
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
        ("most sources", live_checks.FRESHNESS_LIMITS),
        ("sources of teams", live_checks.TEAM_FRESHNESS),
    ]
    hours = [
        (words, f.warn.total_seconds() / 3600, f.refuse.total_seconds() / 3600)
        for words, f in limits
    ]
    return {
        "checks": live_checks.KINDS,
        "freshness": hours,
        "completeness_day": COMPLETENESS.first_day,
        "completeness_share": percent(COMPLETENESS.required_tenths / 10),
    }


def _preflight() -> dict[str, Any]:
    kinds = [
        (str(k), str(k.effect), k.effect is PreflightEffect.BLOCKS and k.can_be_overridden)
        for k in preflight_report.PreflightKind
    ]
    return {"kinds": kinds, "low": coverage.LOW, "rows_per_game": coverage.ROWS_PER_GAME.items()}


def _states() -> dict[str, Any]:
    return {"states": states.STATES.items()}


def _brake() -> dict[str, Any]:
    bugs = [category.name for category in categories.CATEGORIES if category.is_bug]
    return {"bugs": bugs, "parallel": settings.MAX_PARALLEL_BATCHES, "most_parallel": MAX_PARALLEL}


def _queries() -> dict[str, Any]:
    return {"queries": [queries.named(name) for name in queries.names()]}


def _roles() -> dict[str, Any]:
    return {
        "roles": [(role.value, role.label.partition(": ")[2]) for role in Role],
        "limit": settings.APPROVAL_THRESHOLD_DATES,
    }


MADE: Mapping[str, Callable[[], dict[str, Any]]] = {
    "processors": _processors,
    "calendar": _calendar,
    "early-season": _early,
    "categories": _categories,
    "retry": _retry,
    "findings": _findings,
    "modes": _modes,
    "preflight": _preflight,
    "states": _states,
    "brake": _brake,
    "queries": _queries,
    "roles": _roles,
    "keys": lambda: {"sections": keys.SECTIONS},
    "runbook": lambda: {"verbs": VERBS},
}
