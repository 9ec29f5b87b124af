"""Runbook map: every section of the runbook with its page and its command."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from webapp.pages.guide import topics


@dataclass(frozen=True)
class PanelLink:
    """Link to a page by URL name, or to a topic of the guide as `guide:topic#heading`."""

    target: str
    label: str

    @property
    def url(self) -> str:
        """Return its address."""
        if self.target.startswith("guide:"):
            slug, _, anchor = self.target.removeprefix("guide:").partition("#")
            return topics.url(slug, anchor)
        name, _, argument = self.target.partition(" ")
        return reverse(name, args=[argument] if argument else [])


@dataclass(frozen=True)
class RunbookTask:
    """One task of a section: its page, and its command without `manage.py`."""

    name: str
    page: PanelLink
    command: str


@dataclass(frozen=True)
class RunbookSection:
    """One heading of the runbook; `level` is 2 for a section, 3 for a subsection."""

    title: str
    level: int
    tasks: tuple[RunbookTask, ...]

    @property
    def is_subsection(self) -> bool:
        """Return True below another section."""
        return self.level > 2


NOVEMBER = "--start 2021-11-01 --end 2021-11-30"
NEW = PanelLink("backfill_new", "New backfill")
COVERAGE = PanelLink("coverage", "Coverage")
TRIAGE = PanelLink("triage", "Triage")
RATES = PanelLink("rates", "Failure rates")
DATE = PanelLink("dates", "Date page (Go to)")
JOBS = PanelLink("jobs", "Jobs")


def _query(name: str) -> PanelLink:
    return PanelLink(f"query {name}", f"Queries: {name}")


def _guide(target: str, label: str) -> PanelLink:
    return PanelLink(f"guide:{target}", f"Guide: {label}")


# fmt: off
_RUN_CHAIN = RunbookTask("Run the chain over a range", NEW, f"backfill {NOVEMBER}")
_VALIDATE = RunbookTask(
    "Validate a date", DATE, "validate_pipeline 2021-11-22 --phase 4 --verbose")
_CHECK_PHASE3 = RunbookTask(
    "Check Phase 3 of a date", COVERAGE, "validate_pipeline 2021-11-22 --phase 3 --verbose")
_FAILURE_RATES = RunbookTask(
    "Compare failure rates with the expectation", RATES, f"query failure-rates {NOVEMBER}")
_BREAKDOWN = RunbookTask(
    "Count failures by category", _query("failure-breakdown"),
    f"query failure-breakdown {NOVEMBER}")
_ONE_PROCESSOR = RunbookTask(
    "Run one processor over a range", NEW, f"backfill {NOVEMBER} --processors PSZA")
_MODE = RunbookTask(
    "Compare the modes", _guide("preflight#modes", "modes"),
    f"backfill {NOVEMBER} --mode backfill --dry-run")
_FINDINGS = RunbookTask("List findings, worst first", TRIAGE, "triage")

SECTIONS = (
    RunbookSection("Quick Reference", 2, (_RUN_CHAIN, _VALIDATE, RunbookTask(
        "Count failures by category", _query("failure-counts"),
        f"query failure-counts {NOVEMBER}"))),
    RunbookSection("Phase 4 Processor Chain", 2, (RunbookTask(
        "Show the order for a range", _guide("processors#order", "order of the processors"),
        f"backfill {NOVEMBER} --dry-run"),)),
    RunbookSection("Output Tables", 3, (RunbookTask(
        "List all tables and columns", _guide("processors#outputs", "processors"), "tables"),)),
    RunbookSection("Expected Failure Rates by Season Week", 2, (_FAILURE_RATES,)),
    RunbookSection("PSZA (Player Shot Zone Analysis)", 3, (RunbookTask(
        "Compare PSZA with its bands", _guide("season#bands", "failure bands"),
        f"query failure-rates {NOVEMBER}"),)),
    RunbookSection("PDC (Player Daily Cache)", 3, (RunbookTask(
        "Trace failures to their root cause", _guide("failures#cascades", "cascades"),
        f"query failure-breakdown {NOVEMBER}"),)),
    RunbookSection("Backfill Mode Optimizations", 2, (_MODE,)),
    RunbookSection("What's Skipped in Backfill Mode", 3, (_MODE,)),
    RunbookSection("How to Enable Backfill Mode", 3, (RunbookTask(
        "Choose backfill mode, the default", NEW, f"backfill {NOVEMBER} --mode backfill"),)),
    RunbookSection("Step-by-Step Backfill Process", 2, (_RUN_CHAIN,)),
    RunbookSection("1. Pre-Flight Check", 3, (
        RunbookTask("Check Phase 3 before a start", NEW,
                    "preflight_check 2021-11-01 --end-date 2021-11-30"),
        RunbookTask("List existing Phase 4 data", COVERAGE,
                    f"query records-per-date {NOVEMBER}"))),
    RunbookSection("2. Run Phase 4 Backfill", 3, (_RUN_CHAIN, RunbookTask(
        "Skip the preflight, with a reason", NEW,
        f'backfill {NOVEMBER} --skip-preflight --reason "Phase 3 checked"'))),
    RunbookSection("3. Monitor Progress", 3, (
        RunbookTask("Watch a job", JOBS, "jobs 7"), _ONE_PROCESSOR)),
    RunbookSection("4. Validate Completion", 3, (_VALIDATE, RunbookTask(
        "Count records per date", _query("records-by-processor"),
        f"query records-by-processor {NOVEMBER}"))),
    RunbookSection("5. Analyze Failures", 3, (_BREAKDOWN, _FINDINGS)),
    RunbookSection("Failure Triage", 2, (_FINDINGS,)),
    RunbookSection("When to Investigate vs Ignore", 3, (RunbookTask(
        "Look up a category", _guide("failures#categories", "failure categories"), "triage"),)),
    RunbookSection("Failure Rate Validation", 3, (_FAILURE_RATES, _FINDINGS)),
    RunbookSection("Common Issues & Solutions", 2, (_FINDINGS,)),
    RunbookSection('Issue: "Bootstrap period - skipping"', 3, (RunbookTask(
        "List the skipped runs of a date", _guide("season#bootstrap", "bootstrap"),
        "runs 2021-10-20"),)),
    RunbookSection("Issue: High failure rate on specific date", 3, (_CHECK_PHASE3, _FINDINGS)),
    RunbookSection('Issue: "MISSING_DEPENDENCY" cascade', 3, (RunbookTask(
        "Trace the cascade to its root cause", _guide("failures#cascades", "cascades"),
        f"query failure-breakdown {NOVEMBER}"),)),
    RunbookSection("Issue: Backfill running slowly", 3, (RunbookTask(
        "Use backfill mode", _guide("preflight#slow", "slow dates"),
        f"backfill {NOVEMBER} --mode backfill"),)),
    RunbookSection("Validation Queries", 2, (RunbookTask(
        "List the queries", PanelLink("queries", "Queries"), "query --list"),)),
    RunbookSection("Quick Status Check", 3, (RunbookTask(
        "Show the status of a month", _query("month-status"), f"query month-status {NOVEMBER}"),)),
    RunbookSection("Retryable Failures", 3, (
        RunbookTask("List failures with can_retry", _query("retryable-failures"),
                    f"query retryable-failures {NOVEMBER}"),
        RunbookTask("Preview a retry", PanelLink("retries", "Retries"), "retry 7 --dry-run"))),
    RunbookSection("Useful Commands Reference", 2, (
        RunbookTask("Run one processor on one date", DATE, "run_processor PSZA 2021-11-22"),
        _ONE_PROCESSOR,
        RunbookTask("Show the run history of a date", PanelLink("runs", "Runs"),
                    "runs 2021-11-22 --processor PSZA"))),
    RunbookSection("Related Documentation", 2, (
        RunbookTask("Backfill guide", PanelLink("guide", "Guide"), "backfill --help"),
        RunbookTask("Cross-date dependencies", _guide("failures#across-dates", "across dates"),
                    "triage"),
        RunbookTask("Completeness validation", _guide("preflight#coverage", "coverage"),
                    "validate_pipeline 2021-11-01 2021-11-30"),
        RunbookTask("Processor READMEs", _guide("processors", "processors"), "tables"))),
)
# fmt: on
