"""Glossary terms: one table for the guide, docs/glossary.md and the hover links on pages.

Write the document with the command `UPDATE`.
"""

from __future__ import annotations

from typing import NamedTuple

from django.urls import reverse
from django.utils.text import slugify

from webapp.pages.guide import topics
from webapp.ui.context_processors import PLACES

UPDATE = (
    "manage.py shell -v 0 -c"
    " 'from webapp.pages.guide import glossary; print(glossary.as_markdown())' > docs/glossary.md"
)
LABELS = {
    **{place.name: place.words for place in PLACES},
    "retries": "Retries",
    "tokens": "Tokens",
}


class Term(NamedTuple):
    """Word with the topic that explains it (`topic#heading`), the URL names of the pages that use
    it, and its meaning.
    """

    name: str
    topic: str
    pages: tuple[str, ...]
    meaning: str

    @property
    def anchor(self) -> str:
        """Return the id of its entry on the glossary page."""
        return slugify(self.name)

    @property
    def url(self) -> str:
        """Return the address of its entry."""
        return f"{reverse('topic', args=['glossary'])}#{self.anchor}"

    @property
    def topic_url(self) -> str:
        """Return the address of the heading that explains it, empty when there is none."""
        slug, _, anchor = self.topic.partition("#")
        return topics.url(slug, anchor) if slug else ""

    @property
    def links(self) -> list[tuple[str, str]]:
        """Return label and address of each page that uses it."""
        return [(LABELS[name], reverse(name)) for name in self.pages]


# fmt: off
TERMS = (
    # Work
    Term("approval", "roles#limit", ("backfill_new",),
         "Consent of a second person to a launch above the size limit."),
    Term("automatic retries", "retry#automatic", ("backfill_new", "jobs"),
         "Repeats of a run after a transient error, without user action."),
    Term("backfill", "runbook", ("backfill_new", "jobs"),
         "Run of the Phase 4 processors over past dates."),
    Term("backfill mode", "preflight#modes", ("backfill_new", "jobs"),
         "Mode for past dates; skips the live checks."),
    Term("batch", "jobs#concurrency-limit", ("jobs", "system"),
         "Dates of a job that a worker processes in one statement."),
    Term("blocker", "preflight#kinds", ("backfill_new",),
         "Preflight result that prevents a start."),
    Term("canary", "jobs#canary", ("backfill_new", "jobs"),
         "First date of a job; runs alone before the other dates start."),
    Term("chain", "processors#order", ("home", "backfill_new"),
         "Order of the five processors: TDZA and PSZA, then PCF, PDC and ML."),
    Term("claim", "jobs#stalled", (),
         "Exclusive right of one attempt to write a run."),
    Term("concurrency limit", "jobs#concurrency-limit", ("backfill_new", "jobs", "system"),
         "Highest number of batches in flight, for one job or for all jobs."),
    Term("event", "", ("jobs", "system"),
         "Record of one change: time, actor, action and reason. Never deleted."),
    Term("excluded dates", "", ("backfill_new",),
         "Dates that a backfill leaves out of its range."),
    Term("in flight", "jobs#concurrency-limit", ("jobs", "system"),
         "Sent to a worker and not finished."),
    Term("job", "jobs#job-states", ("jobs", "home"),
         "One backfill: its options, its runs and their results."),
    Term("launch", "roles#limit", ("backfill_new",),
         "Backfill that is scheduled for later or waits for approval."),
    Term("normal mode", "preflight#modes", ("backfill_new", "jobs"),
         "Mode for tonight's games; checks upstream runs, freshness and completeness first."),
    Term("pause on error", "jobs#pause-on-error", ("backfill_new", "jobs"),
         "Option that pauses a job at its first bug."),
    Term("preflight", "preflight#kinds", ("backfill_new",),
         "Check of Phase 3 and the calendar before a start."),
    Term("preset", "", ("backfill_new",),
         "Saved options of a backfill."),
    Term("reason", "", ("backfill_new", "triage"),
         "Text that a user gives for a change; stored with it."),
    Term("resume", "jobs#stop", ("jobs",),
         "Continue a paused or cancelled job with its remaining runs."),
    Term("retry", "retry", ("retries", "jobs"),
         "New job that repeats the failed runs of an earlier one."),
    Term("run", "jobs#run-states", ("runs", "jobs"),
         "One processor on one date within a job."),
    Term("triggered by", "", ("jobs",),
         "User, token or schedule that started a job."),
    # States
    Term("queued", "jobs#job-states", ("jobs",),
         "Job waits for its first free worker."),
    Term("running", "jobs#job-states", ("jobs", "home"),
         "Job or run is in progress."),
    Term("paused", "jobs#job-states", ("jobs",),
         "Job has stopped and can be resumed."),
    Term("succeeded", "jobs#job-states", ("jobs",),
         "Job ended and every run is complete or skipped."),
    Term("failed", "jobs#run-states", ("jobs", "home", "runs"),
         "Run ended without a valid result, or job ended with such a run."),
    Term("cancelled", "jobs#job-states", ("jobs", "runs"),
         "Job or run was stopped by a user before it was complete."),
    Term("pending", "jobs#run-states", ("home", "jobs"),
         "Run has not started."),
    Term("complete", "jobs#run-states", ("home", "runs"),
         "Run has written one row or one classified failure for each entity."),
    Term("clean", "jobs#run-states", ("home",),
         "Complete run without a failure."),
    Term("expected failures only", "jobs#run-states", ("home",),
         "Complete run in which every failure is expected."),
    Term("needs attention", "findings", ("home", "triage"),
         "Finding, job or run that requires an action."),
    Term("skipped", "jobs#run-states", ("home", "runs"),
         "Run with nothing to do: bootstrap, or already complete."),
    Term("blocked", "jobs#run-states", ("home", "runs"),
         "Run that did not start because an upstream run of its date failed."),
    Term("stalled", "jobs#stalled", ("jobs", "system"),
         "Job in progress without any change for five minutes."),
    # Results
    Term("audit", "failures#audit", ("triage", "home", "system"),
         "Comparison of the stored rows and failures of a season with the expectation."),
    Term("band", "season#bands", ("rates",),
         "Usual range of the failure rate at a point of the season."),
    Term("bug", "failures#bugs", ("triage", "jobs"),
         "Failure caused by code or by an impossible source value."),
    Term("cascade", "failures#cascades", ("triage",),
         "Failures that follow from one failure upstream."),
    Term("category", "failures#categories", ("jobs", "triage", "queries"),
         "Reason code of a failure, from a closed list."),
    Term("expectation", "failures#outcomes", ("rates", "triage"),
         "Rows and failures that follow from the games played before a date."),
    Term("expected failure", "failures#outcomes", ("home", "rates", "triage"),
         "Failure that follows from too few games, or from such a failure upstream."),
    Term("unexpected failure", "failures#outcomes", ("home", "rates", "triage"),
         "Failure of an entity with enough games to succeed."),
    Term("unexpected success", "failures#outcomes", ("triage",),
         "Row of an entity with too few games to have one."),
    Term("unaccounted", "failures#outcomes", ("triage",),
         "Entity of the population with neither a row nor a failure."),
    Term("finding", "findings", ("triage", "home"),
         "Problem, warning or informational note of the audit, with evidence and a next step."),
    Term("fixed", "findings#marks", ("triage", "retries"),
         "No longer failing: by a retry, or marked so by a user."),
    Term("gap", "findings", ("home", "triage"),
         "Date without output between complete dates of a processor."),
    Term("informational", "findings", ("triage",),
         "Finding that requires no action."),
    Term("legend", "jobs#legend", ("home", "jobs"),
         "List of the shapes and words of all states."),
    Term("root cause", "failures#cascades", ("triage", "jobs"),
         "First failure of a cascade."),
    Term("stale", "findings", ("triage", "backfill_new"),
         "Output made by older SQL or from older input."),
    # Data
    Term("bootstrap", "season#bootstrap", ("home", "coverage"),
         "First 14 days of a season; skipped by design."),
    Term("context row", "processors#cut-off", ("coverage",),
         "Pregame row of a player or team for a date (UPGC, UTGC)."),
    Term("coverage", "preflight#coverage", ("coverage",),
         "Stored rows as a share of the rows that the games imply."),
    Term("day", "season#season", ("rates",),
         "Days since the first regular game of the season, which is day 0."),
    Term("entity", "processors#accounting", ("players",),
         "Player or team."),
    Term("partition", "processors#accounting", ("coverage",),
         "Rows of one table for one date; replaced as a whole."),
    Term("Phase 3", "processors", ("coverage",),
         "Game facts; input of Phase 4."),
    Term("Phase 4", "processors", ("coverage",),
         "Analytics and features per date; output of the five processors."),
    Term("Phase 5 trigger", "preflight#trigger", ("jobs", "system"),
         "Message to Phase 5 when a date is complete in normal mode."),
    Term("population", "processors#accounting", ("rates", "runs"),
         "Entities that a processor accounts for on a date."),
    Term("processor", "processors", ("home", "backfill_new"),
         "One of the five Phase 4 statements: TDZA, PSZA, PCF, PDC, ML."),
    Term("season week", "season#season", ("rates",),
         "Day divided by seven, rounded up; days 0 to 7 are week 1."),
    Term("upstream", "processors#order", ("runs",),
         "Earlier in the chain. Downstream: later in the chain."),
    Term("validate", "failures#audit", ("coverage",),
         "Read the partitions of a date and report complete or not."),
    Term("warehouse", "", ("system",),
         "Storage of Phase 3 and Phase 4 tables: Parquet files or BigQuery."),
    Term("window", "processors#cut-off", (),
         "Latest games of an entity before a date, from which its row is computed."),
    # Operation
    Term("dead worker", "jobs#stalled", ("system",),
         "Worker process without a heartbeat."),
    Term("heartbeat", "jobs#stalled", ("system",),
         "Timestamp that each worker process renews."),
    Term("lease", "jobs#stalled", (),
         "Time limit of a claim."),
    Term("lost batch", "jobs#stalled", ("jobs", "system"),
         "Batch whose worker died; the sweep requeues it."),
    Term("notification", "", ("system",),
         "Message to people about a job that needs attention."),
    Term("outbox", "preflight#trigger", ("system",),
         "Messages stored with the change that caused them, until they are delivered."),
    Term("overwritten", "processors#accounting", ("backfill_new",),
         "Complete output that a new run replaced."),
    Term("requeued", "jobs#stalled", ("jobs", "system"),
         "Sent to the workers again after a loss."),
    Term("sweep", "jobs#stalled", ("system",),
         "Periodic task that requeues lost runs."),
    Term("token", "roles#tokens", ("tokens",),
         "API credential with the role of its user."),
)
# fmt: on
BY_NAME = {term.name.lower(): term for term in TERMS}


def in_order() -> list[Term]:
    """Return all terms in alphabetical order."""
    return sorted(TERMS, key=lambda term: term.name.lower())


def find(word: str) -> Term | None:
    """Return the term for a word or state, in any case; None when there is none."""
    return BY_NAME.get(str(word).lower())


def as_markdown() -> str:
    """Return docs/glossary.md."""
    lines = [
        "# Glossary",
        "",
        "Generated from `webapp/pages/guide/glossary.py`; the panel shows it at `/guide/glossary/`.",
        f"Update it with `{UPDATE}`.",
        "",
        "| term | meaning | pages |",
        "|---|---|---|",
    ]
    for term in in_order():
        pages = ", ".join(LABELS[name] for name in term.pages)
        lines.append(f"| {term.name} | {term.meaning} | {pages} |")
    return "\n".join(lines)
