"""Audit of one season: reads its data once and builds findings with `validation`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

from backfill import input_checks
from backfill.audit import content_checks, evidence, load, results
from backfill.audit.run_facts import as_ran, bugs
from backfill.audit.stored_results import StoredResults
from backfill.models import Job, Key, Run
from backfill.plan import input_signatures, unplanned
from backfill.plan.date_lists import format_dates
from backfill.season_calendar import load_calendar, postponed_games, unfinished_writes
from backfill.status.failure_rates import RateHistories
from validation import bands, cascade
from validation import coverage as phase3
from validation.bands import Band, Reading
from validation.expectation import (
    ExpectationDiff,
    SeasonGames,
)
from validation.findings import inputs as input_findings
from validation.findings import mismatches, rates, root_causes
from validation.findings import phase3 as phase3_findings
from validation.findings import runs as run_findings
from validation.findings.content import Jump
from validation.findings.kinds import FindingDraft, sort_by_severity
from validation.inputs.cost import SeasonCosts
from validation.inputs.missing_rows import MissingRows, missing_rows
from validation.inputs.problem import InputProblem
from validation.processor_rules import CODES
from validation.season import Calendar, Day


@dataclass(frozen=True, kw_only=True)
class SeasonAuditInput:
    """Data of a season, or of some of its dates, read on demand and cached."""

    calendar: Calendar
    year: int
    dates: tuple[date, ...]  # processing dates, without bootstrap
    history: RateHistories
    is_season: bool = False  # all dates of the season

    @cached_property
    def start(self) -> date:
        """Opening night."""
        return self.calendar.starts[self.year]

    @cached_property
    def days(self) -> list[Day]:
        """Every date with games, including bootstrap and dates that are not audited."""
        return self.calendar.season(self.year)

    @cached_property
    def facts(self) -> SeasonGames:
        """Games of the season."""
        return load.facts(self.start)

    @cached_property
    def runs(self) -> dict[Key, Run]:
        """Latest decisive run of every (processor, date)."""
        found = Run.objects.deciding(self.dates[0], self.dates[-1])
        dates = set(self.dates)
        return {key: run for key, run in found.items() if key[1] in dates}

    @property
    def newest_run(self) -> datetime | None:
        """Start of the newest run."""
        return max((run.started_at for run in self.runs.values() if run.started_at), default=None)

    @cached_property
    def stored(self) -> StoredResults:
        """Stored results of the dates."""
        return StoredResults(self.start, self.dates, live=self.live, is_season=self.is_season)

    @property
    def moving(self) -> set[Key]:
        """(processor, date) pairs that ran during the read: their rows may be half written."""
        return self.stored.moving

    @cached_property
    def written(self) -> dict[Key, load.Written]:
        """Stored results, without those that are moving or damaged."""
        out = self.stored.moving | self.stored.damaged
        return {key: there for key, there in self.stored.there.items() if key not in out}

    @cached_property
    def live(self) -> set[Key]:
        """(processor, date) pairs run in normal mode."""
        jobs = Job.objects.filter(pk__in={run.job_id for run in self.runs.values()})
        live = {job.pk for job in jobs if not job.parsed_options.backfill_mode}
        return {key for key, run in self.runs.items() if run.job_id in live}

    @cached_property
    def expected_vs_actual(self) -> dict[Key, results.ExpectedVsActual]:
        """Expected counts of every (processor, date), and their comparison with the stored rows,
        if any.
        """
        return self.stored.compared(self.facts)

    @cached_property
    def compared(self) -> dict[Key, ExpectationDiff]:
        """Comparison of the stored rows with the expectation."""
        return {
            key: result.comparison
            for key, result in self.expected_vs_actual.items()
            if result.comparison
        }

    @property
    def unexplained(self) -> int:
        """Count of unexpected failures and unexpected successes."""
        return sum(
            len(found.unexplained.keys() | found.lost.keys()) for found in self.compared.values()
        )

    def cascade(self, day: date) -> cascade.Cascade:
        """Trace the failures of one date to their root causes."""
        found = {code: self.written.get((code, day), load.NOT_WRITTEN) for code in CODES}
        return cascade.cascade({code: written.statuses for code, written in found.items()})

    @cached_property
    def coverage(self) -> list[phase3.Coverage]:
        """Phase 3 rows of every date, compared with the games."""
        return load.coverage_of(self.calendar, self.year)

    @property
    def problems(self) -> list[InputProblem]:
        """Contradictions between the Phase 3 tables."""
        return input_checks.of_season(self.start)

    @cached_property
    def missing_rows(self) -> MissingRows:
        """Failures that missing Phase 3 rows cause."""
        return missing_rows(self.facts, self.dates, self.coverage)

    @property
    def following(self) -> Counter[date]:
        """Count, for each date with missing or few Phase 3 rows, the later failures that its games
        would have prevented.
        """
        failed = {key: written.failures for key, written in self.written.items()}
        return self.missing_rows.by_date(failed)

    @cached_property
    def changes(self) -> dict[Key, input_signatures.InputChange]:
        """Runs whose Phase 3 input has changed since, with the kind of change."""
        return input_signatures.changes(
            [run for run in self.runs.values() if run.status == Run.Status.COMPLETE]
        )

    @cached_property
    def rated(self) -> dict[str, list[rates.Rated]]:
        """Failure rates of every processor, by date."""
        by_day = {day.day: day for day in self.days}
        found: dict[str, list[rates.Rated]] = {code: [] for code in CODES}
        for (code, day), written in sorted(self.written.items(), key=lambda item: item[0][1]):
            failures = Counter(written.failures.values())
            unexplained = (
                0 if (code, day) in self.season.stale else len(self.compared[code, day].unexplained)
            )
            found[code].append(
                rates.Rated(
                    processor=code,
                    day=by_day[day],
                    rows=len(written.rows),
                    failures=failures,
                    unexplained=unexplained,
                )
            )
        return found

    @cached_property
    def season(self) -> mismatches.AuditedSeason:
        """Audited season as `validation` takes it."""
        stale = frozenset(self.changes) | {
            key for key, run in self.ran.items() if run.statement_changed
        }
        repeated = {key: found.repeated for key, found in self.written.items() if found.repeated}
        return mismatches.AuditedSeason(
            year=self.year,
            dates=self.dates,
            ran=self.ran,
            compared=self.compared,
            repeated=repeated,
            stale=stale,
            damaged=frozenset(self.stored.damaged),
        )

    @cached_property
    def ran(self) -> dict[Key, mismatches.RunFacts]:
        """Result of every run."""
        there, damaged = self.stored.there, self.stored.damaged
        return {
            key: as_ran(run, is_lost=key not in there or key in damaged)
            for key, run in self.runs.items()
        }

    def readings(self, rated: rates.Rated) -> list[Reading]:
        """Compare a rate with the runbook's band and with the band of the other seasons, if
        known.
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
        """Return all findings of the season, most severe first, each with its evidence query."""
        self._read()
        self.stored.keep(self.facts)
        found = root_causes.with_roots(self.season, sort_by_severity(self._findings()))
        found = mismatches.skip_brake_for_known_bugs(found)
        return [replace(finding, query=evidence.query(finding, self.start)) for finding in found]

    def read_inputs(self) -> None:
        """Read Phase 3."""
        _ = self.facts, content_checks.repeated_inputs(self.start), self.problems

    def _read(self) -> None:
        """Read Phase 3 and the outputs, of many dates in parallel, each in its own session."""
        stored = self.stored  # notes the version of the inputs before they are read
        if stored.is_small:
            self.read_inputs()
            stored.read()
            return
        with ThreadPoolExecutor(1) as pool:
            phase3 = pool.submit(self.read_inputs)
            stored.read()
            phase3.result()

    def _findings(self) -> Iterator[FindingDraft]:
        season = self.season
        rootless = frozenset(c.date for c in self.coverage if c.is_missing)
        low = [c for c in self.coverage if c.is_low]
        low_texts = {
            day: "; ".join(str(c) for c in low if c.date == day) for day in {c.date for c in low}
        }
        yield from phase3_findings.bugs(season, bugs(self.runs, self.facts))
        yield from mismatches.mismatches(season)
        yield from mismatches.duplicates(season)
        yield from run_findings.runs(season, rootless)
        yield from run_findings.no_longer_planned(season, *self._unplanned())
        yield from run_findings.slow(season)
        writes = [w for w in unfinished_writes([self.year]) if not w.is_running]
        yield from phase3_findings.unfinished(season, {w.sentence: w.advice for w in writes})
        coverage = input_findings.unexplained(self.coverage, self.problems)
        yield from phase3_findings.missing(season, coverage, self.following)
        yield from phase3_findings.low(season, coverage, self.following)
        costs = SeasonCosts(self.facts, self.dates)
        yield from input_findings.inputs(season, self.problems, costs)
        yield from phase3_findings.postponed(season, postponed_games([self.year]))
        yield from phase3_findings.twice(season, content_checks.repeated_inputs(self.start))
        yield from phase3_findings.jumps(season, self._jumps)
        written_now = {day for _, day in self.moving}
        yield from mismatches.violations(
            season, (v for v in self.stored.violations if v.date not in written_now)
        )
        yield from phase3_findings.stale(
            season,
            self._changed(input_signatures.InputChange.WINDOWS),
            self._changed(input_signatures.InputChange.CONTEXT),
            self._moved,
        )
        for rated in self.rated.values():
            yield from rates.flags([r for r in rated if r.day.day not in rootless], low_texts)
            yield from rates.out_of_band(
                (r, reading) for r in rated for reading in self.readings(r)
            )

    @property
    def _jumps(self) -> list[Jump]:
        return content_checks.jumps(self.start, self.dates, self.stored.shares)

    def _unplanned(self) -> tuple[dict[Key, int], str]:
        """Return the rows on dates without games, and the command that removes them."""
        rows = unplanned.rows_on(unplanned.of_season(self.calendar, self.year))
        dates = format_dates({day for _, day in rows}).replace(" ", "")
        return rows, f"manage.py remove_rows --dates {dates}"

    def _changed(self, part: input_signatures.InputChange) -> list[Key]:
        return [key for key, change in self.changes.items() if part in change]

    @property
    def _moved(self) -> int:
        """Count of failures of stale runs that differ from the current expectation."""
        audited = [self.compared[key] for key in self.changes if key in self.compared]
        return sum(len(found.unexplained.keys() | found.lost.keys()) for found in audited)


def seasons(start: date | None = None, end: date | None = None) -> Iterator[SeasonAuditInput]:
    """Yield the loaded seasons in the range, each as a whole, because findings span dates."""
    calendar = load_calendar()
    history = RateHistories(calendar)
    for year in sorted(calendar.starts):
        after, before = (
            end and calendar.season_year(end) < year,
            start and year < calendar.season_year(start),
        )
        dates = tuple(d.day for d in calendar.season(year) if d.is_computed)
        if dates and not (after or before):
            yield SeasonAuditInput(
                calendar=calendar, year=year, dates=dates, history=history, is_season=True
            )


def of_date(day: date) -> SeasonAuditInput:
    """Return the audit input of one date."""
    calendar = load_calendar()
    year, history = calendar.season_year(day), RateHistories(calendar, [calendar.day(day)])
    return SeasonAuditInput(calendar=calendar, year=year, dates=(day,), history=history)
