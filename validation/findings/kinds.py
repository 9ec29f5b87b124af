"""Kinds of Findings: the closed list, each with its meaning and the next step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType

from validation.findings.finding_kind import FindingKind, Severity
from validation.inputs.kinds import (
    CONSTANT_COLUMN,
    GAME_DATE,
    GAME_TEAMS,
    NO_CONTEXT,
    OPPONENT,
    PLAYER_NAME,
    SUMS,
    TEAM_NAME,
    UNSCHEDULED,
    ZONES,
)
from validation.thresholds import (
    HIGH_RATE_DAY,
    HIGH_RATE_SHARE,
    LOW_COVERAGE_SHARE,
    MID_SEASON_SHARE,
    SLOW_SECONDS,
    percent,
)

__all__ = [
    "CONSTANT_COLUMN",
    "GAME_DATE",
    "GAME_TEAMS",
    "NO_CONTEXT",
    "OPPONENT",
    "PLAYER_NAME",
    "SUMS",
    "TEAM_NAME",
    "UNSCHEDULED",
    "ZONES",
    "FindingKind",
    "Severity",
]
ONE_DAY = timedelta(days=1)


BUG = FindingKind(
    name="bug",
    severity=Severity.PROBLEM,
    title="processor error",
    cause="a defect in the code, or a statement that the warehouse rejected",
    advice="Read the sample, fix the code, then retry this group.",
)
IMPOSSIBLE_VALUE = FindingKind(
    name="impossible value",
    severity=Severity.PROBLEM,
    title="impossible value in a Phase 3 row",
    cause="Phase 3 wrote an impossible value; the row is excluded from averages, and every player or team "
    "whose window contains it fails",
    advice="In Phase 3, correct the sample row. Reload it, then rerun everything computed from it.",
)
UNEXPLAINED = FindingKind(
    name="unexplained",
    severity=Severity.PROBLEM,
    title="unexpected failures: enough games to succeed",
    cause="the processor's rule differs from the specification, or its input changed after the run",
    advice="Compare one of the entities with its games. Rerun the dates if Phase 3 or the code "
    "changed after the run. For INCOMPLETE_DATA, run Phase 3 for the missing games first.",
)
LOST = FindingKind(
    name="lost failure",
    severity=Severity.PROBLEM,
    title="unexpected successes: rows of entities with too few games",
    cause="the processor's rule differs from the specification, or its input changed after the run",
    advice="Do not use these rows. Compare one of the entities with its games, then rerun the "
    "dates.",
)
UNACCOUNTED = FindingKind(
    name="unaccounted",
    severity=Severity.PROBLEM,
    title="unaccounted entities: no row and no failure, or one too many",
    cause="another program changed the tables, or a processor drops entities",
    advice="Rerun the dates. If the finding returns, fix the processor's SQL.",
)
WRONG_CONTENT = FindingKind(
    name="wrong content",
    severity=Severity.PROBLEM,
    title="rows with wrong numbers",
    cause="the processor's formula differs from the specification, or a source row changed after "
    "the run",
    advice="Compare the sample with its source rows, fix the formula, then rerun the dates.",
)
PHASE3_MISSING = FindingKind(
    name="Phase 3 missing",
    severity=Severity.PROBLEM,
    title="games played, but a Phase 3 table has no rows",
    cause="Phase 3 has not run for this date, or its file is late",
    advice="Run Phase 3 for this date, load it, then rerun the later dates.",
)
UNFINISHED_LOAD = FindingKind(
    name="unfinished load",
    severity=Severity.PROBLEM,
    title="load or copy interrupted",
    cause="its process was killed or lost the warehouse; the season still has its previous rows",
    advice="Run the command again. It starts over and finishes the load.",
)
COLUMN_JUMP = FindingKind(
    name="column jump",
    severity=Severity.PROBLEM,
    title="a column is suddenly NULL, zero or constant",
    cause="Phase 3 lost the values of the source column",
    advice="In Phase 3, fix the source column. Reload it, then rerun everything computed from it.",
)
DUPLICATE_OUTPUT = FindingKind(
    name="duplicate output",
    severity=Severity.PROBLEM,
    title="duplicate output rows",
    cause="another program wrote to the table; a run always replaces its whole partition",
    advice="Rerun the dates, which replaces the partitions.",
)
RUN_FAILED = FindingKind(
    name="run failed",
    severity=Severity.PROBLEM,
    title="runs without a result",
    cause="the warehouse was busy or damaged, or a normal-mode check refused the runs",
    advice="Retry the runs; the retry includes blocked runs.",
)
STILL_BLOCKED = FindingKind(
    name="still blocked",
    severity=Severity.PROBLEM,
    title="still blocked, though the upstream failure is fixed",
    cause="the failed processor ran again without its downstream processors",
    advice="Run the blocked processors.",
)
LOST_PARTITION = FindingKind(
    name="lost partition",
    severity=Severity.PROBLEM,
    title="complete, but the partition is missing or unreadable",
    cause="the partition was removed or damaged, or the configured warehouse changed",
    advice="Rerun these dates.",
)
NO_LONGER_PLANNED = FindingKind(
    name="no longer planned",
    severity=Severity.PROBLEM,
    title="rows on dates without games",
    cause="the schedule changed after these runs",
    advice="Remove these rows with the command shown as cause, which runs as a job.",
)
LOW_COVERAGE = FindingKind(
    name="low coverage",
    severity=Severity.WARNING,
    title=f"under {percent(LOW_COVERAGE_SHARE)} of the expected Phase 3 rows",
    cause="Phase 3 stopped early, or some of its sources were late",
    advice="Run Phase 3 for this date again, load it, then rerun this date and the later ones.",
)
HOLE = FindingKind(
    name="hole",
    severity=Severity.WARNING,
    title="gap: no run of a processor between dates with its runs",
    cause="no backfill range covered the date",
    advice="Backfill the gap.",
)
FORWARD_CASCADE = FindingKind(
    name="forward cascade",
    severity=Severity.WARNING,
    title="stale output after an earlier date was fixed",
    cause="Phase 3 games of earlier dates changed after these runs",
    advice="Backfill the dates whose windows contain the fixed date.",
)
STALE_INPUT = FindingKind(
    name="stale input",
    severity=Severity.WARNING,
    title="stale output: older than the Phase 3 rows of the same date",
    cause="Phase 3 rewrote the context rows of these dates after the runs",
    advice="Backfill the stale dates.",
)
OLD_SQL = FindingKind(
    name="old statement",
    severity=Severity.WARNING,
    title="stale output: written by older SQL",
    cause="the processor's SQL changed after these runs",
    advice="Backfill the stale dates.",
)
DUPLICATE_INPUT = FindingKind(
    name="duplicate input",
    severity=Severity.WARNING,
    title="duplicate games in Phase 3",
    cause="Phase 3 ran twice for this date; only the latest row of each game is used",
    advice="Remove the older rows in Phase 3. Phase 4 needs no action.",
)
SLOW = FindingKind(
    name="slow",
    severity=Severity.WARNING,
    title=f"runs over {SLOW_SECONDS / 60:g} minutes, or far slower than usual",
    cause="the checks of normal mode, unless the times show otherwise",
    advice="Run past dates in backfill mode. Otherwise compare the query, write and check times.",
)
HIGH_RATE = FindingKind(
    name="high rate",
    severity=Severity.WARNING,
    title=f"failure rate over {percent(HIGH_RATE_SHARE)} after week {HIGH_RATE_DAY // 7}",
    cause="unexpected failures",
    advice="Check the unexpected failures of these dates.",
)
MID_SEASON = FindingKind(
    name="mid-season",
    severity=Severity.WARNING,
    title=f"over {percent(MID_SEASON_SHARE)} with too few games in mid-season",
    cause="games are missing from Phase 3",
    advice="Check the Phase 3 coverage of the earlier dates.",
)
SUDDEN_RISE = FindingKind(
    name="sudden rise",
    severity=Severity.WARNING,
    title="failure rate far above the seven dates before",
    cause="an input of the date changed",
    advice="Check Phase 3 for this date and the date before it.",
)
ODD_DATE = FindingKind(
    name="odd date",
    severity=Severity.WARNING,
    title="failure rate far from that of the neighboring dates",
    cause="the Phase 3 rows of the date",
    advice="Check Phase 3 for this date. If it is incomplete, run Phase 3 first.",
)
POSTPONED = FindingKind(
    name="postponed games",
    severity=Severity.NOTE,
    title="games listed on several dates",
    cause="games were postponed, and the schedule still has their first date",
    advice="No action: a game counts on its final date.",
)
OUT_OF_BAND = FindingKind(
    name="out of band",
    severity=Severity.NOTE,
    title="failure rate outside the usual range, all failures expected",
    cause="the share of players with few games differs between seasons",
    advice="No action: the usual ranges are rules of thumb, the expectation is exact.",
)

# Order within a severity: lost output, which has consequences, then wrong numbers, then missing
# output, then stale output.
KINDS = (
    LOST_PARTITION, BUG, IMPOSSIBLE_VALUE, UNEXPLAINED, LOST, UNACCOUNTED, WRONG_CONTENT,
    UNFINISHED_LOAD, PHASE3_MISSING, TEAM_NAME, GAME_DATE, GAME_TEAMS, OPPONENT, UNSCHEDULED, PLAYER_NAME,
    ZONES, SUMS, CONSTANT_COLUMN, COLUMN_JUMP, DUPLICATE_OUTPUT, NO_LONGER_PLANNED, RUN_FAILED,
    STILL_BLOCKED,
    LOW_COVERAGE, NO_CONTEXT, ODD_DATE, SUDDEN_RISE, HIGH_RATE, MID_SEASON, FORWARD_CASCADE, STALE_INPUT,
    HOLE, OLD_SQL, DUPLICATE_INPUT, SLOW, POSTPONED, OUT_OF_BAND,
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True, kw_only=True)
class ProposedBackfill:
    """Backfill that fixes a Finding.

    `outdated` adds complete dates that are stale, `force` all complete dates.
    """

    start: date
    end: date
    processors: tuple[str, ...] = ()
    force: bool = False
    outdated: bool = False
    first: str = ""  # manual step before the backfill, an imperative without a period
    # Pause on error; off if bugs with a Finding of their own would pause the backfill.
    brake: bool = True

    @property
    def command(self) -> str:
        """Shell command that starts this backfill."""
        processors = f" --processors {','.join(self.processors)}" if self.processors else ""
        flags = (" --force" if self.force else "") + (" --stale" if self.outdated else "")
        flags += "" if self.brake else " --no-canary --no-pause-on-error"
        return f"manage.py backfill --start {self.start} --end {self.end}{processors}{flags}"


@dataclass(frozen=True, kw_only=True)
class FindingDraft:
    """Finding of one audit, not stored yet.

    `subject` identifies it among the Findings of its kind and season and does not change with its
    numbers. `count` is the number of entities, rows or runs in the sentence. `numbers` are shown as
    evidence; `evidence` has the keys of the source rows (table, tables, columns, rows) that `query`
    selects. `root` is the key of the Finding that it follows from.
    """

    kind: FindingKind
    season: int
    subject: str
    sentence: str
    dates: tuple[date, ...]
    processors: tuple[str, ...] = ()
    count: int = 0
    severity: Severity | None = None
    cause: str = ""
    numbers: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    evidence: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    query: str = ""
    action: ProposedBackfill | None = None
    root: tuple[str, int, str] | None = None

    @property
    def weight(self) -> Severity:
        """Severity of this Finding, by default that of its kind."""
        return self.kind.severity if self.severity is None else self.severity

    @property
    def key(self) -> tuple[str, int, str]:
        """Identity across audits: kind, season, subject."""
        return self.kind.name, self.season, self.subject


def sort_by_severity(findings: Iterable[FindingDraft]) -> list[FindingDraft]:
    """Sort by severity, then in the order of KINDS, then by first date."""
    return sorted(findings, key=lambda f: (-f.weight, KINDS.index(f.kind), f.dates, f.subject))


def pluralize(n: int, noun: str) -> str:
    """Return a number with its noun: 1 entity, 2,000 entities, 3 batches."""
    if n == 1:
        return f"{n} {noun}"
    if noun.endswith("y") and not noun.endswith(("ay", "ey", "oy")):
        return f"{n:,} {noun[:-1]}ies"
    return f"{n:,} {noun}{'es' if noun.endswith(('s', 'ch')) else 's'}"


def ranges(dates: Iterable[date], among: Sequence[date] = ()) -> list[list[date]]:
    """Group dates into runs of consecutive dates, in the calendar or in the list `among`."""
    place = {day: n for n, day in enumerate(among)}
    parts: list[list[date]] = []
    for day in sorted(set(dates)):
        after = parts[-1][-1] if parts else None
        if after and (after + ONE_DAY == day or place.get(after, -2) + 1 == place.get(day)):
            parts[-1].append(day)
        else:
            parts.append([day])
    return parts


def format_date_ranges(dates: Iterable[date], among: Sequence[date] = ()) -> str:
    """Return dates as text: consecutive dates as a range, at most three ranges, then a count."""
    texts = [str(p[0]) if len(p) == 1 else f"{p[0]} to {p[-1]}" for p in ranges(dates, among)]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")
