"""Date page: description, adjacent dates, processor chain, Phase 3 inputs and findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from backfill.audit.validate_dates import DateValidation, validate
from backfill.drilldown.schedule import ScheduledGame, scheduled_games
from backfill.models import AuditResult, Finding, Run
from backfill.models.finding import folded
from backfill.processors.registry import CHAIN, PROCESSORS, Processor
from backfill.season_calendar import load_calendar
from backfill.status.latest_runs import explained_bugs
from backfill.status.run.retry import retry_reasons
from backfill.status.season_grid import NOT_RUN, RunCell, SeasonState
from validation.categories import BY_NAME, INCOMPLETE_DATA, count_bugs
from validation.season import Calendar, Day
from webapp.pages.date import empty_date
from webapp.pages.date.empty_date import EmptyDate
from webapp.ui import links

AUDIT_LEAVES_OUT = ("failed", "blocked", "cancelled")  # states without output to compare


@dataclass(frozen=True, kw_only=True)
class CategoryBar:
    """Expected and actual failures of one category on a (processor, date); widths in percent of
    `most`. `expected` is None before the first audit.
    """

    category: str
    expected: int | None
    failed: int
    most: int

    @property
    def is_bug(self) -> bool:
        """Return whether the category is a bug, which is never expected."""
        return BY_NAME[self.category].is_bug

    @property
    def inside(self) -> float:
        """Return the width of the expected failures."""
        return 100 * min(self.failed, self._limit) / self.most

    @property
    def beyond(self) -> float:
        """Return the width of the unexpected failures."""
        return 100 * self.failed / self.most - self.inside

    @property
    def mark(self) -> float | None:
        """Return the position of the expected number."""
        return None if self.expected is None else 100 * self.expected / self.most

    @property
    def _limit(self) -> int:
        return self.failed if self.expected is None else self.expected


@dataclass(frozen=True, kw_only=True)
class ProcessorCard:
    """Processor on the date. `run` is the active run, else the latest decisive one; `audit`
    comes from the last audit and can belong to an older run.
    """

    cell: RunCell
    run: Run | None
    audit: AuditResult | None
    no_retry: str = ""  # why a retry of its failures would run nothing

    @property
    def processor(self) -> Processor:
        return PROCESSORS[self.cell.processor]

    @property
    def code(self) -> str:
        return self.cell.processor

    @property
    def unaccounted(self) -> int | None:
        """Return the entities without row or failure; None without output."""
        if self.cell.population is None or self.cell.rows is None:
            return None
        return self.cell.population - self.cell.rows - self.cell.failed

    @property
    def coverage(self) -> float | None:
        """Return rows and failures as a share of the expected population, or of the run's own
        population before the first audit.
        """
        population = self.audit.population if self.audit else self.cell.population
        return (
            (self.cell.rows + self.cell.failed) / population
            if population and self.cell.rows is not None
            else None
        )

    @property
    def current_audit(self) -> AuditResult | None:
        """Return the audit of the displayed run, or None."""
        return self.audit if self.audit and self.cell.outside is not None else None

    @property
    def bugs(self) -> int:
        """Count the bugs among the failures that the source rows account for."""
        audit = self.current_audit
        return explained_bugs(self.cell.failures, audit.expected) if audit else 0

    @property
    def expected_bugs(self) -> int:
        """Count the bugs that the source rows will cause."""
        return count_bugs(self.audit.expected) if self.audit else 0

    @property
    def expected_failures(self) -> int:
        """Count the failures expected by the last audit."""
        return self.audit.expected_failures if self.audit else 0

    @property
    def by_games(self) -> int:
        """Count the expected failures."""
        return (self.current_audit.explained or 0) - self.bugs if self.current_audit else 0

    @property
    def has_failures(self) -> bool:
        """Return whether there are failures, or rows where failures were expected."""
        return bool(self.cell.failed or (self.audit and self.audit.lost))

    @property
    def verb(self) -> str:
        """Return the verb of the run button: `Rerun` over existing output."""
        return "Run" if self.cell.rows is None else "Rerun"

    @property
    def needs_audit(self) -> bool:
        """Return whether a complete run has not been audited; the audit leaves out failed runs."""
        return self.cell.state not in AUDIT_LEAVES_OUT and (
            self.unaccounted is not None and not self.current_audit
        )

    @property
    def is_active(self) -> bool:
        return self.cell.state in Run.ACTIVE

    @cached_property
    def bars(self) -> list[CategoryBar]:
        """Return the categories with actual or expected failures; bugs only if there are any."""
        expected = {
            name: n
            for name, n in (self.audit.expected if self.audit else {}).items()
            if name != INCOMPLETE_DATA.name
        }
        failures = self.cell.failures
        names = [
            name
            for name, category in BY_NAME.items()
            if failures.get(name) or (expected.get(name) and not category.is_bug)
        ]
        most = max((*failures.values(), *expected.values()), default=1)
        return [
            CategoryBar(
                category=n,
                expected=expected.get(n, 0) if self.audit else None,
                failed=failures.get(n, 0),
                most=most or 1,
            )
            for n in names
        ]

    @property
    def retry(self) -> str:
        """Return the URL that retries this date's failures; empty without failures."""
        if (
            not self.cell.job
            or self.is_active
            or not (self.cell.failed or self.cell.state in ("failed", "blocked", "cancelled"))
        ):
            return ""
        day = self.cell.date
        return links.to_retry(self.cell.job, processor=self.code, start=day, end=day, look=1)


def chain(day: Day) -> list[ProcessorCard]:
    """Return the processors of a date in chain order, in five database queries; six with a gap."""
    season = SeasonState.of(day.season, (day,))
    cells = _without_false_gaps([season.cell(code, day) for code in CHAIN], day.day)
    runs = Run.objects.in_bulk([cell.run for cell in cells if cell.run])
    audits = {audit.processor: audit for audit in AuditResult.objects.filter(date=day.day)}
    return [
        ProcessorCard(cell=cell, run=runs.get(cell.run or 0), audit=audits.get(cell.processor))
        for cell in cells
    ]


def _with_retries(cards: list[ProcessorCard]) -> list[ProcessorCard]:
    """Return the cards with the reasons against a retry of their failures."""
    reasons = retry_reasons([card.run for card in cards if card.run and card.retry])
    return [
        replace(card, no_retry=reasons.get(card.run.pk, "").removeprefix("nothing to retry: "))
        if card.run
        else card
        for card in cards
    ]


def _without_false_gaps(cells: list[RunCell], day: date) -> list[RunCell]:
    """Return the cells with `not run` in place of a gap after the processor's last run."""
    if all(cell.state != "hole" for cell in cells):
        return cells
    calendar = load_calendar()
    days = calendar.season(calendar.season_year(day))
    later = Run.objects.filter(date__gt=day, date__lte=days[-1].day)
    ran_later = set(later.values_list("processor", flat=True).distinct())
    return [
        replace(cell, state="not run")
        if cell.state == "hole" and cell.processor not in ran_later
        else cell
        for cell in cells
    ]


def is_active(cards: Sequence[ProcessorCard]) -> bool:
    return any(card.is_active for card in cards)


def worst(cards: Sequence[ProcessorCard]) -> str:
    """Return the processor with the most unexpected results, else the most failures."""
    return max(
        cards, key=lambda card: (card.cell.outside or 0, card.cell.failed), default=cards[0]
    ).code


def empty(calendar: Calendar, day: Day, cards: Sequence[ProcessorCard]) -> EmptyDate | None:
    """Return the reason that a date has no runs; None for a date with runs."""
    if day.is_computed and any(card.cell.state not in NOT_RUN for card in cards):
        return None
    return empty_date.empty_reason(calendar, day)


def context(day: date, code: str) -> dict[str, Any]:
    """Return the template context with the entities of `code`, by default the worst processor."""
    calendar = load_calendar()
    typed = calendar.day(day)
    cards = _with_retries(chain(typed)) if typed.is_processing else []
    chosen = code or (worst(cards) if cards else "")
    return {
        "day": typed,
        "words": empty_date.words(typed, calendar),
        "adjacent": empty_date.neighbors(calendar, day),
        "empty": empty(calendar, typed, cards),
        "games": games(calendar, typed),
        "inputs": inputs(typed),
        "findings": findings(day),
        "code": chosen,
        "chosen": next((card for card in cards if card.code == chosen), None),
        "cards": cards,
        "is_active": is_active(cards),
    }


def games(calendar: Calendar, day: Day) -> list[ScheduledGame]:
    """Return the final games of the date."""
    if not day.is_processing:
        return []
    return [
        game
        for game in scheduled_games(calendar.starts[day.season])
        if game.date == day.day and game.is_final
    ]


def inputs(day: Day) -> list[DateValidation]:
    """Return the validation of each Phase 3 table on the date."""
    return validate(day.day, day.day, 3) if day.is_processing else []


def findings(day: date) -> list[Finding]:
    """Return the listed findings that include this date, worst first, without consequences."""
    candidates = Finding.objects.listed().about(day, day).defer("query", "numbers")
    about = (finding for finding in candidates if str(day) in finding.dates)
    return [finding for finding, _ in folded(about)]
