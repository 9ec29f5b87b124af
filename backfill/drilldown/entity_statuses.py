"""Stored statuses of the entities of a date by processor, with the expected ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple

from backfill.audit import load
from backfill.drilldown.query import ParameterizedQuery
from backfill.errors import Refused
from backfill.models import Job, Run
from backfill.processors.registry import BY_NAME, PROCESSORS
from backfill.season_calendar import load_calendar
from backfill.statements import render
from validation.categories import DATE_LEVEL
from validation.expectation import NO_HISTORY, ROW, GameHistory, SeasonGames, Statuses, expected


class Status(NamedTuple):
    """Failure category or ROW, with the logged reason."""

    status: str
    reason: str = ""
    can_retry: bool = False


HAS_ROW = Status(ROW)


def question(days: Sequence[date], codes: Collection[str], entity: str = "") -> ParameterizedQuery:
    """Return the query for rows and failures on these dates, for these processors; of one entity
    if given.
    """
    processors = tuple(PROCESSORS[code] for code in codes)
    sql = render("entity-statuses", processors=processors, is_one=bool(entity))
    return ParameterizedQuery(sql, {"dates": list(days), **({"entity": entity} if entity else {})})


@dataclass(frozen=True)
class EntityStatuses:
    """Stored statuses of a date. `whole_date` holds the reason of a processor whose whole date was
    logged as failed.
    """

    statuses: Mapping[str, Mapping[str, Status]]  # by processor and entity
    whole_date: Mapping[str, str] = field(default_factory=dict)
    both: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # entities with a row and a failure

    @property
    def words(self) -> dict[str, Statuses]:
        """Statuses without reasons, as `validation` takes them."""
        return {
            code: {entity: found.status for entity, found in by.items()}
            for code, by in self.statuses.items()
        }


def read(asked: ParameterizedQuery, codes: Collection[str]) -> dict[date, EntityStatuses]:
    """Return the stored statuses by date. A failure takes precedence over a row of the same
    entity.
    """
    statuses: dict[date, dict[str, dict[str, Status]]] = {}
    whole: dict[date, dict[str, str]] = {}
    both: dict[date, dict[str, set[str]]] = {}
    for name, day, entity, category, reason, can_retry in (row.values() for row in asked.ask()):
        code = BY_NAME[name].code
        of_date = statuses.setdefault(day, {known: {} for known in codes})[code]
        if entity == DATE_LEVEL:
            whole.setdefault(day, {})[code] = reason or ""
        elif category is None:
            _add(of_date, entity, HAS_ROW, both.setdefault(day, {}).setdefault(code, set()))
        else:
            _add(
                of_date,
                entity,
                Status(category, reason or "", bool(can_retry)),
                both.setdefault(day, {}).setdefault(code, set()),
            )
    return {
        day: EntityStatuses(
            by,
            whole.get(day, {}),
            {code: frozenset(entities) for code, entities in both.get(day, {}).items()},
        )
        for day, by in statuses.items()
    }


def _add(of_date: dict[str, Status], entity: str, status: Status, both: set[str]) -> None:
    before = of_date.get(entity)
    if before and (before.status == ROW) != (status.status == ROW):
        both.add(entity)
    if before is None or before.status == ROW:
        of_date[entity] = status


@dataclass(frozen=True)
class OnDate:
    """Lazily read facts about a (processor, date), or about one of its entities. Raises Refused
    for a date that is not processed.
    """

    day: date
    code: str
    entity: str = ""

    @cached_property
    def start(self) -> date:
        """Opening night of the season."""
        calendar = load_calendar()
        day = calendar.day(self.day)
        if not day.is_computed:
            raise Refused(f"{self.day} is not processed: {day.why_skipped}")
        return calendar.starts[day.season]

    @cached_property
    def facts(self) -> SeasonGames:
        """Games of the season, cached per process."""
        return load.facts(self.start)

    @cached_property
    def question(self) -> ParameterizedQuery:
        """Query over all processors, because a missing dependency is traced through the whole
        chain.
        """
        return question([self.day], tuple(PROCESSORS), self.entity)

    @cached_property
    def found(self) -> EntityStatuses:
        """Stored statuses."""
        return read(self.question, tuple(PROCESSORS)).get(self.day) or EntityStatuses(
            {code: {} for code in PROCESSORS}
        )

    @cached_property
    def run(self) -> Run | None:
        """Latest decisive run."""
        return (
            Run.objects.filter(processor=self.code)
            .deciding(self.day, self.day)
            .get((self.code, self.day))
        )

    @cached_property
    def is_written(self) -> bool:
        """True if output of a run exists; without it no entity counts as unaccounted."""
        return bool(self.found.statuses[self.code]) or bool(
            self.run and self.run.status == Run.Status.COMPLETE
        )

    @cached_property
    def live(self) -> bool:
        """True if run in normal mode."""
        return (
            self.run is not None
            and not Job.objects.get(pk=self.run.job_id).parsed_options.backfill_mode
        )

    @cached_property
    def must(self) -> dict[str, Statuses]:
        """Expected statuses by processor and entity."""
        return expected(self.facts, self.day, live=self.live)

    @property
    def of_teams(self) -> bool:
        """True if the entities are teams."""
        return PROCESSORS[self.code].is_about_teams

    @cached_property
    def teams(self) -> dict[str, str]:
        """Team of each player with a context row."""
        return {context.player: context.team for context in self.facts.contexts.get(self.day, ())}

    def team(self, entity: str) -> str:
        """Return the team of an entity: itself, the team of its context row, or that of its newest
        game before the date.
        """
        if self.of_teams:
            return entity
        games = () if entity in self.teams else self.facts.player(entity).games_before(self.day)
        return self.teams.get(entity) or (games[0].team if games else "")

    def games(self, entity: str) -> int:
        """Return the number of games before the date."""
        return self.history(entity).before(self.day).games

    def history(self, entity: str) -> GameHistory:
        """Return the games that the processor counts."""
        return (self.facts.defenses if self.of_teams else self.facts.players).get(
            entity, NO_HISTORY
        )
