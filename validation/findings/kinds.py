"""What there is to look at: the closed list of kinds of Findings, each with what it means and what
to do next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum
from types import MappingProxyType

from validation.thresholds import (
    HIGH_RATE_DAY,
    HIGH_RATE_SHARE,
    LOW_COVERAGE_SHARE,
    MID_SEASON_SHARE,
    SLOW_SECONDS,
    percent,
)

ONE_DAY = timedelta(days=1)


class Severity(IntEnum):
    """How much a Finding wants a person. A note explains something and wants nobody."""

    NOTE = 0
    WARNING = 1
    PROBLEM = 2

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class FindingKind:
    """One kind of Finding. `cause` is the likely one, unless the evidence says better."""

    name: str
    severity: Severity
    title: str
    cause: str
    advice: str


BUG = FindingKind(
    "bug", Severity.PROBLEM, "a processor broke",
    cause="a defect of the code, or a statement that the warehouse refused",
    advice="Read the sample, mend the code, then retry this group.",
)  # fmt: skip
IMPOSSIBLE_VALUE = FindingKind(
    "impossible value",
    Severity.PROBLEM,
    "a source row holds a value that cannot be true",
    cause="Phase 3 wrote it; the row is left out of averages and fails everybody whose windows contain it",
    advice="Correct the row that the sample names in Phase 3, load it again, run what was made from it again.",
)
UNEXPLAINED = FindingKind(
    "unexplained",
    Severity.PROBLEM,
    "failed, and by the games played they must not",
    cause="the processor's rule is not the specified one, or what it read has changed since",
    advice="Compare one of the entities with its games; run the dates again when Phase 3 or the code has changed since.",
)
LOST = FindingKind(
    "lost failure",
    Severity.PROBLEM,
    "must have failed by the games played, and did not",
    cause="the processor's rule is not the specified one, or what it read has changed since",
    advice="Distrust these rows: compare one of the entities with its games, then run the dates again.",
)
UNACCOUNTED = FindingKind(
    "unaccounted",
    Severity.PROBLEM,
    "neither a row nor a failure, or one too many",
    cause="something other than the processors has changed the tables, or a processor drops entities",
    advice="Run the dates again; if they come back, the processor's statement loses entities.",
)
WRONG_CONTENT = FindingKind(
    "wrong content",
    Severity.PROBLEM,
    "rows are there and their numbers are wrong",
    cause="the processor's formula is not the specified one, or another table's row was changed after it was read",
    advice="Compare the sample with its source rows, mend the formula, run the dates again.",
)
PHASE3_MISSING = FindingKind(
    "Phase 3 missing",
    Severity.PROBLEM,
    "games were played, and Phase 3 has no row of them",
    cause="Phase 3 has not run for this date, or its file comes late",
    advice="Run Phase 3 for this date first and load it; then run the dates after it, whose windows are short by it.",
)
COLUMN_JUMP = FindingKind(
    "column jump", Severity.PROBLEM, "a column is suddenly NULL, zero or constant",
    cause="Phase 3 has lost the values of the source column",
    advice="Mend the source column in Phase 3, load it again, run what was made from it again.",
)  # fmt: skip
DUPLICATE_OUTPUT = FindingKind(
    "duplicate output",
    Severity.PROBLEM,
    "two rows with one key",
    cause="something other than Backcourt has written into the table; a run replaces its partition whole",
    advice="Run the dates again, which replaces the partitions.",
)
RUN_FAILED = FindingKind(
    "run failed", Severity.PROBLEM, "runs ended without a result",
    cause="the warehouse was busy or damaged, or normal mode refused them",
    advice="Retry them; what was blocked runs with them.",
)  # fmt: skip
STILL_BLOCKED = FindingKind(
    "still blocked", Severity.PROBLEM, "blocked by a failure that is there no more",
    cause="what had failed ran again by itself, without what follows it",
    advice="Run them.",
)  # fmt: skip
LOST_PARTITION = FindingKind(
    "lost partition",
    Severity.PROBLEM,
    "complete by its run, and its partition is gone or cannot be read",
    cause="somebody has removed or damaged it, or the warehouse is another one than then",
    advice="Run these dates again.",
)
LOW_COVERAGE = FindingKind(
    "low coverage",
    Severity.WARNING,
    f"fewer than {percent(LOW_COVERAGE_SHARE)} of the rows that the games imply",
    cause="Phase 3 broke off, or some of its sources came late",
    advice="Run Phase 3 for this date again and load it; then run this date and the ones after it.",
)
HOLE = FindingKind(
    "hole", Severity.WARNING, "a date between dates that were run was never run",
    cause="it lies between two ranges",
    advice="Backfill it.",
)  # fmt: skip
FORWARD_CASCADE = FindingKind(
    "forward cascade",
    Severity.WARNING,
    "a date was repaired, and what was made from it before was not made again",
    cause="games before these dates have changed in Phase 3 since they were run",
    advice="Backfill what contains the repaired date.",
)
STALE_INPUT = FindingKind(
    "stale input", Severity.WARNING, "output is older than the Phase 3 rows of its own date",
    cause="Phase 3 has written the context of these dates again since they were run",
    advice="Backfill what is older than its input.",
)  # fmt: skip
OLD_SQL = FindingKind(
    "old statement", Severity.WARNING, "output was made by another statement than the present one",
    cause="the processor was changed after these dates were run",
    advice="Backfill what is older than the statement.",
)  # fmt: skip
DUPLICATE_INPUT = FindingKind(
    "duplicate input",
    Severity.WARNING,
    "Phase 3 holds games twice",
    cause="Phase 3 ran twice for this date; the latest row of each game counts, so no number is wrong",
    advice="Nothing for Phase 4; remove the older rows in Phase 3.",
)
SLOW = FindingKind(
    "slow",
    Severity.WARNING,
    f"runs took over {SLOW_SECONDS / 60:g} minutes, or far longer than usual",
    cause="the checks of normal mode, unless the seconds say otherwise",
    advice="Run history in backfill mode, which skips the checks; otherwise look at where the seconds went.",
)
HIGH_RATE = FindingKind(
    "high rate",
    Severity.WARNING,
    f"over {percent(HIGH_RATE_SHARE)} failed after week {HIGH_RATE_DAY // 7}",
    cause="failures that nothing explains",
    advice="Look at the unexplained ones among them.",
)
MID_SEASON = FindingKind(
    "mid-season",
    Severity.WARNING,
    f"over {percent(MID_SEASON_SHARE)} had too few games in mid-season",
    cause="games are missing from Phase 3",
    advice="Check Phase 3's coverage of the dates before.",
)
SUDDEN_RISE = FindingKind(
    "sudden rise", Severity.WARNING, "far more failed than on the seven dates before",
    cause="an input of that date changed",
    advice="Check Phase 3 of that date and of the one before it.",
)  # fmt: skip
ODD_DATE = FindingKind(
    "odd date", Severity.WARNING, "one date is far off while its neighbours agree",
    cause="Phase 3 of that date",
    advice="Check Phase 3 of that date, run it first if it is incomplete.",
)  # fmt: skip
OUT_OF_BAND = FindingKind(
    "out of band",
    Severity.NOTE,
    "the failure rate lies outside the band, and every failure is explained",
    cause="the share of players with few games differs from season to season",
    advice="Nothing: the bands are rules of thumb, the expectation is exact.",
)

# Worst first within a severity: what breaks numbers, then what lacks, then what is old.
KINDS = (
    BUG,
    IMPOSSIBLE_VALUE,
    UNEXPLAINED,
    LOST,
    UNACCOUNTED,
    WRONG_CONTENT,
    PHASE3_MISSING,
    COLUMN_JUMP,
    DUPLICATE_OUTPUT,
    LOST_PARTITION,
    RUN_FAILED,
    STILL_BLOCKED,
    LOW_COVERAGE,
    ODD_DATE,
    SUDDEN_RISE,
    HIGH_RATE,
    MID_SEASON,
    FORWARD_CASCADE,
    STALE_INPUT,
    HOLE,
    OLD_SQL,
    DUPLICATE_INPUT,
    SLOW,
    OUT_OF_BAND,
)
BY_NAME = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class ProposedBackfill:
    """What the system can do about a Finding: a backfill of these dates.

    `outdated` adds what is complete and older than its input or its statement, `force` all that is
    complete.
    """

    start: date
    end: date
    processors: tuple[str, ...] = ()
    force: bool = False
    outdated: bool = False
    first: str = ""  # what a person has to do before it
    brake: bool = True  # off where bugs are known that would stop it, and are Findings themselves

    @property
    def command(self) -> str:
        """The same from a shell."""
        chosen = f" --processors {','.join(self.processors)}" if self.processors else ""
        how = (" --force" if self.force else "") + (" --outdated" if self.outdated else "")
        how += "" if self.brake else " --no-canary --no-brake"
        return f"manage.py backfill --start {self.start} --end {self.end}{chosen}{how}"


@dataclass(frozen=True, kw_only=True)
class FindingDraft:
    """One thing to look at. `subject` tells it from the others of its kind and season, and stays
    while its numbers change.

    `count` is of entities, rows or runs, as the sentence says. `numbers` are evidence for people;
    `evidence` has the keys of
    what is behind it (table, tables, columns, rows), of which `query` is made.
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

    @property
    def weight(self) -> Severity:
        """Its own severity, or its kind's."""
        return self.kind.severity if self.severity is None else self.severity

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes it the same Finding the next time."""
        return self.kind.name, self.season, self.subject


def sort_by_severity(findings: Iterable[FindingDraft]) -> list[FindingDraft]:
    """By severity, then as KINDS are listed, then by their first date."""
    return sorted(findings, key=lambda f: (-f.weight, KINDS.index(f.kind), f.dates, f.subject))


def pluralize(n: int, noun: str) -> str:
    """A number with its noun: 1 entity, 2,000 entities."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{n:,} {noun if n == 1 else plural}"


def ranges(dates: Iterable[date], among: Sequence[date] = ()) -> list[list[date]]:
    """Dates in runs of neighbours: without a gap in the calendar, or among the dates that there are
    at all.
    """
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
    """Dates as a person writes them: neighbours as a range, three of these by name."""
    texts = [str(p[0]) if len(p) == 1 else f"{p[0]} to {p[-1]}" for p in ranges(dates, among)]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")
