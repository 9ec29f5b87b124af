"""One season judged: everything that is known of it is read once, and `validation` makes Findings
of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

from django.db.models import Q
from django.utils.timezone import now

from backfill.audit import content_checks, evidence, load, results
from backfill.audit.rate_history import ONE_YEAR, RateHistories
from backfill.audit.run_facts import as_ran, bugs
from backfill.models import Job, Run
from backfill.plan import input_signatures
from backfill.plan.planning import Key
from backfill.season_calendar import load_calendar, source_rows
from backfill.warehouse.season_cache import cached_for_season
from backfill.warehouse.tables import INPUTS, PGS, TDGS
from validation import bands, cascade
from validation import coverage as phase3
from validation.bands import Band, Reading
from validation.categories import INSUFFICIENT_DATA
from validation.expectation import (
    CACHE_GAMES,
    CODES,
    DEFENSE_GAMES,
    PDC,
    PSZA,
    SHOT_GAMES,
    TDZA,
    ExpectationDiff,
    SeasonGames,
)
from validation.findings import mismatches, rates
from validation.findings import phase3 as phase3_findings
from validation.findings import runs as run_findings
from validation.findings.kinds import FindingDraft, sort_by_severity
from validation.season import Calendar, DateType, Day, season_year


@dataclass(frozen=True)
class SeasonAuditInput:
    """What is known of a season, or of some of its dates. Read when asked for, and then kept."""

    calendar: Calendar
    year: int
    dates: tuple[date, ...]  # processing dates, without bootstrap
    history: RateHistories

    @cached_property
    def start(self) -> date:
        """Opening night."""
        return self.calendar.starts[self.year]

    @cached_property
    def days(self) -> list[Day]:
        """Every date with games, bootstrap included, whether or not it is judged."""
        return [
            day
            for day in self.calendar.days(self.start, self.start + ONE_YEAR)
            if day.is_processing
        ]

    @cached_property
    def facts(self) -> SeasonGames:
        """The games played."""
        return load.facts(self.start)

    @cached_property
    def runs(self) -> dict[Key, Run]:
        """The run that counts of every (processor, date)."""
        found = Run.objects.deciding(self.dates[0], self.dates[-1])
        dates = set(self.dates)
        return {key: run for key, run in found.items() if key[1] in dates}

    @property
    def newest_run(self) -> datetime | None:
        """When the newest of them began."""
        return max((run.started_at for run in self.runs.values() if run.started_at), default=None)

    @cached_property
    def _read(self) -> tuple[dict[Key, load.Written], set[Key], set[Key]]:
        began = now()
        damaged = load.stage(self.dates)
        found = load.written(self.dates)
        moving = Run.objects.filter(Q(status=Run.Status.RUNNING) | Q(finished_at__gte=began))
        moved = set(
            moving.filter(date__range=(self.dates[0], self.dates[-1])).values_list(
                "processor", "date"
            )
        )
        return found, moved, damaged

    @property
    def moving(self) -> set[Key]:
        """What was being run while it was read: half of it may have been written."""
        return self._read[1]

    @cached_property
    def written(self) -> dict[Key, load.Written]:
        """What the warehouse holds."""
        found, moved, damaged = self._read
        return {key: there for key, there in found.items() if key not in moved | damaged}

    @cached_property
    def live(self) -> set[Key]:
        """What was run in normal mode."""
        jobs = Job.objects.in_bulk({run.job_id for run in self.runs.values()})
        return {
            key
            for key, run in self.runs.items()
            if not jobs[run.job_id].parsed_options.backfill_mode
        }

    @cached_property
    def held(self) -> dict[Key, results.ExpectedVsActual]:
        """What must become of every (processor, date), and what was written held against it."""
        return dict(results.compare_run(self.facts, self.dates, self.live, self.written))

    @cached_property
    def compared(self) -> dict[Key, ExpectationDiff]:
        """What was written, held against the games played."""
        return {key: held.comparison for key, held in self.held.items() if held.comparison}

    @property
    def unexplained(self) -> int:
        """Failures that happened and need not have, and such that must have happened and did not."""
        return sum(
            len(found.unexplained.keys() | found.lost.keys()) for found in self.compared.values()
        )

    def cascade(self, day: date) -> cascade.Cascade:
        """The failures of one date, traced to their roots."""
        found = {code: self.written.get((code, day), load.NOT_WRITTEN) for code in CODES}
        return cascade.cascade({code: written.statuses for code, written in found.items()})

    @cached_property
    def coverage(self) -> list[phase3.Coverage]:
        """Phase 3's rows of every date, held against the games."""

        def make() -> list[phase3.Coverage]:
            return phase3.phase3(self.days, source_rows(self.start, self.days[-1].day))

        return cached_for_season("coverage", self.year, INPUTS, make)

    @cached_property
    def following(self) -> Counter[date]:
        """Of each date without Phase 3, or with little, how many later failures its games would
        have prevented.
        """
        found: Counter[date] = Counter()
        for table, code, minimum in (
            (PGS, PSZA, SHOT_GAMES),
            (PGS, PDC, CACHE_GAMES),
            (TDGS, TDZA, DEFENSE_GAMES),
        ):
            lacking = {
                c.date
                for c in self.coverage
                if c.table == str(table) and (c.is_missing or c.is_low)
            }
            teams = {
                gap: {
                    t for t, games in self.facts.schedule.items() if any(d == gap for d, _ in games)
                }
                for gap in lacking
            }
            histories = self.facts.defenses if code == TDZA else self.facts.players
            for day in self.dates if lacking else ():
                failed = self.written.get((code, day), load.NOT_WRITTEN).failures
                few = [
                    e
                    for e, category in failed.items()
                    if category == INSUFFICIENT_DATA.name and e in histories
                ]
                for gaps in cascade.shortened(few, histories, teams, day, minimum).values():
                    found.update(gaps)
        return found

    @cached_property
    def changes(self) -> dict[Key, input_signatures.InputChange]:
        """Which runs read other Phase 3 rows than there are now, and which kind of rows."""
        return input_signatures.changes(
            [run for run in self.runs.values() if run.status == Run.Status.COMPLETE]
        )

    @cached_property
    def rated(self) -> dict[str, list[rates.Rated]]:
        """The failure rates of every processor, by date."""
        by_day = {day.day: day for day in self.days}
        found: dict[str, list[rates.Rated]] = {code: [] for code in CODES}
        for (code, day), written in sorted(self.written.items(), key=lambda item: item[0][1]):
            failures = Counter(written.failures.values())
            unexplained = (
                0 if (code, day) in self.season.stale else len(self.compared[code, day].unexplained)
            )
            found[code].append(
                rates.Rated(code, by_day[day], len(written.rows), failures, unexplained)
            )
        return found

    @cached_property
    def season(self) -> mismatches.AuditedSeason:
        """The same as `validation` takes it."""
        stale = frozenset(self.changes) | {
            key for key, run in self.ran.items() if run.statement_changed
        }
        repeated = {key: found.repeated for key, found in self.written.items() if found.repeated}
        return mismatches.AuditedSeason(
            self.year, self.dates, self.ran, self.compared, repeated, stale
        )

    @cached_property
    def ran(self) -> dict[Key, mismatches.RunFacts]:
        """How every run ended."""
        there, _, damaged = self._read
        return {
            key: as_ran(run, is_lost=key not in there or key in damaged)
            for key, run in self.runs.items()
        }

    def readings(self, rated: rates.Rated) -> list[Reading]:
        """A rate held against the runbook's band and against that of the other seasons, as far as
        there are any.
        """
        index = rated.day.index or 0
        found = (
            bands.band(rated.processor, index),
            self.history.band(rated.processor, self.year, index),
        )
        against: list[Band | None] = [band for band in found if band] or [None]
        return [
            bands.reading(rated.failed, rated.population, band, rated.unexplained)
            for band in against
        ]

    def findings(self) -> list[FindingDraft]:
        """Everything that there is to look at in this season, worst first, each with the query
        behind it.
        """
        self._read_side_by_side()
        found = mismatches.skip_brake_for_known_bugs(sort_by_severity(self._findings()))
        return [replace(finding, query=evidence.query(finding, self.start)) for finding in found]

    def _read_side_by_side(self) -> None:
        """Phase 3 in one thread, what was written in the other: each has a session of its own, and
        there are two cores.
        """
        with ThreadPoolExecutor(1) as beside:
            phase3 = beside.submit(lambda: (self.facts, content_checks.repeated_inputs(self.start)))
            _ = self._read
            phase3.result()

    def _findings(self) -> Iterator[FindingDraft]:
        season = self.season
        rootless = frozenset(c.date for c in self.coverage if c.is_missing)
        low = [c for c in self.coverage if c.is_low]
        lacking = {
            day: "; ".join(str(c) for c in low if c.date == day) for day in {c.date for c in low}
        }
        yield from phase3_findings.bugs(season, bugs(self.runs, self.facts))
        yield from mismatches.mismatches(season)
        yield from mismatches.duplicates(season)
        yield from run_findings.runs(season, rootless)
        yield from run_findings.slow(season)
        yield from phase3_findings.missing(season, self.coverage, self.following)
        yield from phase3_findings.low(season, self.coverage, self.following)
        yield from phase3_findings.twice(season, content_checks.repeated_inputs(self.start))
        yield from phase3_findings.jumps(season, content_checks.jumps(self.start, self.dates))
        written_now = {day for _, day in self.moving}
        yield from phase3_findings.violations(
            season, (v for v in content_checks.violations(self.start) if v.date not in written_now)
        )
        yield from phase3_findings.stale(
            season,
            self._changed(input_signatures.InputChange.WINDOWS),
            self._changed(input_signatures.InputChange.CONTEXT),
            self._moved,
        )
        for rated in self.rated.values():
            yield from rates.flags([r for r in rated if r.day.day not in rootless], lacking)
            yield from rates.out_of_band(
                (r, reading) for r in rated for reading in self.readings(r)
            )

    def _changed(self, part: input_signatures.InputChange) -> list[Key]:
        return [key for key, change in self.changes.items() if part in change]

    @property
    def _moved(self) -> int:
        """How many failures of stale runs are other than the games say now."""
        judged = [self.compared[key] for key in self.changes if key in self.compared]
        return sum(len(found.unexplained.keys() | found.lost.keys()) for found in judged)


def seasons(start: date | None = None, end: date | None = None) -> Iterator[SeasonAuditInput]:
    """The seasons that a range touches, or all that are loaded, each as a whole: what a Finding is
    about may lie anywhere.
    """
    calendar = load_calendar()
    history = RateHistories(calendar)
    for year, opening in sorted(calendar.starts.items()):
        if (start is None or season_year(start) <= year) and (
            end is None or year <= season_year(end)
        ):
            days = calendar.days(opening, opening + ONE_YEAR)
            if dates := tuple(
                d.day for d in days if d.is_processing and d.type is not DateType.BOOTSTRAP
            ):
                yield SeasonAuditInput(calendar, year, dates, history)


def of_date(day: date) -> SeasonAuditInput:
    """One date by itself, for its page."""
    calendar = load_calendar()
    return SeasonAuditInput(calendar, season_year(day), (day,), RateHistories(calendar))
