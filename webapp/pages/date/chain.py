"""One date as its page shows it: what it is in words, its neighbours, the chain of five, and what
was found about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.urls import reverse

from backfill.audit.validate_dates import DateValidation, validate
from backfill.drilldown.schedule import ScheduledGame, scheduled_games
from backfill.models import AuditResult, Finding, Run
from backfill.processors.registry import CHAIN, PROCESSORS, Processor
from backfill.season_calendar import load_calendar
from backfill.status.latest_runs import explained_bugs
from backfill.status.season_grid import NOT_RUN, RunCell, SeasonState
from validation.categories import BY_NAME
from validation.season import Calendar, Day, season_year
from webapp.pages.date import empty_date
from webapp.pages.date.empty_date import EmptyDate
from webapp.ui import links


@dataclass(frozen=True)
class CategoryBar:
    """One category of a (processor, date): how many must fail with it and how many do; widths in
    percent of the most.
    """

    category: str
    must: int | None
    found: int
    most: int

    @property
    def is_bug(self) -> bool:
        """Whether nobody may fail with it, whatever the source rows imply."""
        return BY_NAME[self.category].is_bug

    @property
    def inside(self) -> float:
        """What fails and may, by the numbers alone."""
        return 100 * min(self.found, self.found if self.must is None else self.must) / self.most

    @property
    def beyond(self) -> float:
        """What fails beyond that."""
        return 100 * self.found / self.most - self.inside

    @property
    def mark(self) -> float | None:
        """Where the number lies that must fail."""
        return None if self.must is None else 100 * self.must / self.most


@dataclass(frozen=True)
class ProcessorCard:
    """One processor on the date. `run` is the active one, else the one that counts; `verdict` the
    last judgement's.
    """

    cell: RunCell
    run: Run | None
    verdict: AuditResult | None

    @property
    def processor(self) -> Processor:
        """Which it is."""
        return PROCESSORS[self.cell.processor]

    @property
    def code(self) -> str:
        """Its short name."""
        return self.cell.processor

    @property
    def unaccounted(self) -> int | None:
        """Who has neither a row nor a failure; None where nothing was written."""
        if self.cell.population is None or self.cell.rows is None:
            return None
        return self.cell.population - self.cell.rows - self.cell.failed

    @property
    def coverage(self) -> float | None:
        """Rows and failures of the population that the games imply, or that the run found where
        nothing was judged.
        """
        population = self.verdict.population if self.verdict else self.cell.population
        return (
            (self.cell.rows + self.cell.failed) / population
            if population and self.cell.rows is not None
            else None
        )

    @property
    def judged(self) -> AuditResult | None:
        """The verdict on the run that is shown; None when it is of another one, or of none."""
        return self.verdict if self.verdict and self.cell.outside is not None else None

    @property
    def bugs(self) -> int:
        """How many of the explained failures are bugs."""
        return explained_bugs(self.cell.failures, self.judged.expected) if self.judged else 0

    @property
    def by_games(self) -> int:
        """How many failures the games played explain."""
        return (self.judged.explained or 0) - self.bugs if self.judged else 0

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.cell.state in Run.ACTIVE

    @cached_property
    def bars(self) -> list[CategoryBar]:
        """The categories that somebody has, or must have."""
        must: Mapping[str, int] = self.verdict.expected if self.verdict else {}
        names = [name for name in BY_NAME if must.get(name) or self.cell.failures.get(name)]
        most = max((*self.cell.failures.values(), *must.values()), default=1)
        return [
            CategoryBar(
                n, must.get(n, 0) if self.verdict else None, self.cell.failures.get(n, 0), most or 1
            )
            for n in names
        ]

    @property
    def retry(self) -> str:
        """Where its failures of this date are retried; empty without any."""
        if (
            not self.cell.job
            or self.is_active
            or not (self.cell.failed or self.cell.state in ("failed", "blocked", "cancelled"))
        ):
            return ""
        day = self.cell.date
        return links.to_retry(self.cell.job, processor=self.code, start=day, end=day, look=1)


def chain(day: Day) -> list[ProcessorCard]:
    """The five of a date, in order: five queries of the database."""
    known = SeasonState.of(season_year(day.day), (day,))
    cells = [known.cell(code, day) for code in CHAIN]
    runs = Run.objects.in_bulk([cell.run for cell in cells if cell.run])
    verdicts = {verdict.processor: verdict for verdict in AuditResult.objects.filter(date=day.day)}
    return [
        ProcessorCard(cell, runs.get(cell.run or 0), verdicts.get(cell.processor)) for cell in cells
    ]


def version(cards: Sequence[ProcessorCard]) -> str:
    """What the chain shows, in few characters: another one when any of it has changed."""
    return "-".join(
        f"{card.cell.state[:2]}{card.cell.run or 0}{'j' if card.judged else ''}" for card in cards
    ).replace(" ", "")


def is_live(cards: Sequence[ProcessorCard]) -> bool:
    """Whether anything of it is under way."""
    return any(card.is_active for card in cards)


def worst(cards: Sequence[ProcessorCard]) -> str:
    """The processor whose entities one wants to see first: outside expectation, else with most
    failures.
    """
    return max(
        cards, key=lambda card: (card.cell.outside or 0, card.cell.failed), default=cards[0]
    ).code


def odd(calendar: Calendar, day: Day, cards: Sequence[ProcessorCard]) -> EmptyDate | None:
    """What keeps a date from having anything to show; None for one that has."""
    if day.is_computed and any(card.cell.state not in NOT_RUN for card in cards):
        return None
    return empty_date.empty_reason(calendar, day)


# All together


def context(day: date, code: str) -> dict[str, Any]:
    """What the page of a date shows, with the entities of one of its processors, or of the one that
    wants a look first.
    """
    calendar = load_calendar()
    typed = calendar.day(day)
    cards = chain(typed) if typed.is_processing else []
    chosen = code or (worst(cards) if cards else "")
    return {
        "day": typed,
        "words": empty_date.words(typed),
        "beside": empty_date.neighbours(calendar, day),
        "odd": odd(calendar, typed, cards),
        "games": games(calendar, typed),
        "inputs": inputs(typed),
        "findings": findings(day),
        "code": chosen,
        "chosen": next((card for card in cards if card.code == chosen), None),
        "chain_url": reverse("date_chain", args=[day]),
        **chain_context(cards),
    }


def chain_context(cards: Sequence[ProcessorCard]) -> dict[str, Any]:
    """What the chain shows by itself."""
    return {"cards": cards, "version": version(cards), "live": is_live(cards)}


def games(calendar: Calendar, day: Day) -> list[ScheduledGame]:
    """The games of the date that are final."""
    if not day.is_processing:
        return []
    return [
        game
        for game in scheduled_games(calendar.starts[season_year(day.day)])
        if game.date == day.day and game.is_final
    ]


def inputs(day: Day) -> list[DateValidation]:
    """Phase 3 of the date, table by table."""
    return validate(day.day, day.day, 3) if day.is_processing else []


def findings(day: date) -> list[Finding]:
    """The listed Findings that name this date, worst first."""
    found = Finding.objects.listed().about(day, day).defer("query", "numbers")
    return [finding for finding in found if str(day) in finding.dates]
