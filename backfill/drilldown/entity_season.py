"""Entity over a season, for each processor of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from backfill.audit import load
from backfill.drilldown.entities import Match, match
from backfill.drilldown.entity_names import all_names
from backfill.drilldown.entity_statuses import EntityStatuses, Status, question, read
from backfill.drilldown.query import ParameterizedQuery
from backfill.errors import Refused
from backfill.models import Job, Key, Run
from backfill.plan import input_signatures
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import load_calendar, season_name
from backfill.status.latest_runs import LatestRun, audit_summaries, latest_runs
from validation.expectation import NO_HISTORY, GameHistory, GameRow, SeasonGames, expected
from validation.season import Day


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityDay:
    """Entity on a (processor, date). `state` is a failure category, `row`, or empty without
    either.

    `must` is the expected state, empty outside the population; `match` is None without a run, and
    without a stored or expected state. `games` counts games before the date.
    """

    day: Day
    state: str
    must: str
    match: Match | None
    games: int


@dataclass(frozen=True, kw_only=True)
class EntitySeason:
    """Entity over a season: `rows` has an EntityDay for every processing date, by processor.

    `played` are the games played, newest first; `sql` reads every stored status from the
    warehouse.
    """

    entity: str
    name: str
    team: str
    year: int
    days: tuple[Day, ...]
    rows: Mapping[str, tuple[EntityDay, ...]]
    played: tuple[GameRow, ...]
    sql: str


def season_of(year: int, entity_id: str) -> EntitySeason:
    """Return a player or a team over a season. Raises Refused, WarehouseError.

    Three database queries, and one warehouse query for dates that are not audited or have
    unexpected results: opening all partitions takes half a second.
    """
    calendar, named = load_calendar(), all_names(year).get(entity_id)
    if not named:
        raise Refused(
            f"unknown entity {entity_id!r} in {season_name(year)}; search for a part of the name"
        )
    days = tuple(day for day in calendar.season(year) if day.is_computed)
    facts = about(load.facts(calendar.starts[year]), entity_id)
    of = _EntityFacts(
        year=year,
        entity=entity_id,
        days=days,
        facts=facts,
        is_team=named.is_team,
    )
    played = tuple(of.history.games_before(date.max))
    rows = {code: tuple(of.day(day, code) for day in days) for code in of.codes}
    return EntitySeason(
        entity=entity_id,
        name=named.name,
        team=named.team,
        year=year,
        days=days,
        rows=rows,
        played=played,
        sql=of.asked([d.day for d in days]).text,
    )


@dataclass(frozen=True, kw_only=True)
class _EntityFacts:
    """Lazily read facts about an entity in a season."""

    year: int
    entity: str
    days: Sequence[Day]
    facts: SeasonGames
    is_team: bool

    @cached_property
    def codes(self) -> tuple[str, ...]:
        return tuple(c for c, p in PROCESSORS.items() if p.is_about_teams == self.is_team)

    @cached_property
    def history(self) -> GameHistory:
        return (self.facts.defenses if self.is_team else self.facts.players).get(
            self.entity, NO_HISTORY
        )

    @cached_property
    def runs(self) -> dict[Key, LatestRun]:
        return latest_runs(self.days)

    @cached_property
    def exact(self) -> set[Key]:
        """Audited (processor, date) pairs without unexpected results, with unchanged run and Phase
        3 input: the stored status equals the expected one.
        """
        audits = audit_summaries(self.year)
        clean = {key for key, audit in audits.items() if audit.outside == 0 and not audit.changed}
        signed = {
            key: run for key, run in self.runs.items() if key in clean and run.input_signature
        }
        audited = {key for key, run in signed.items() if audits[key].run_id == run.run_id}
        now = input_signatures.signatures(audited)
        return {key for key in audited if self.runs[key].input_signature == now[key]}

    @cached_property
    def live(self) -> set[Key]:
        """(processor, date) pairs run in normal mode."""
        jobs = Job.objects.in_bulk({run.job_id for run in self.runs.values()})
        normal = {pk for pk, job in jobs.items() if not job.parsed_options.backfill_mode}
        return {key for key, run in self.runs.items() if run.job_id in normal}

    @cached_property
    def must(self) -> dict[Key, str]:
        """Expected status, where the entity is in the population."""
        found = {}
        for day in (day.day for day in self.days):
            modes = {
                mode: expected(self.facts, day, live=mode)
                for mode in {(code, day) in self.live for code in self.codes}
            }
            for code in self.codes:
                if status := modes[(code, day) in self.live][code].get(self.entity):
                    found[code, day] = status
        return found

    @cached_property
    def found(self) -> dict[date, EntityStatuses]:
        dates = sorted(
            {
                day.day
                for day in self.days
                for code in self.codes
                if (code, day.day) not in self.exact
            }
        )
        return read(self.asked(dates), self.codes) if dates else {}

    def asked(self, dates: Sequence[date]) -> ParameterizedQuery:
        """Return the query for the stored statuses on these dates."""
        return question(dates, self.codes, self.entity)

    def day(self, day: Day, code: str) -> EntityDay:
        """Return the entity on a (processor, date)."""
        key = code, day.day
        must, there, run = (
            self.must.get(key, ""),
            self.found.get(day.day) or EntityStatuses({code: {}}),
            self.runs.get(key),
        )
        status = (
            Status(must) if key in self.exact and must else there.statuses[code].get(self.entity)
        )
        counts = status is not None or (must and run and run.status == Run.Status.COMPLETE)
        matched = match(self.entity, code, status, must, there) if counts else None
        return EntityDay(
            day=day,
            state=status.status if status else "",
            must=must,
            match=matched,
            games=self.history.before(day.day).games,
        )


def about(facts: SeasonGames, entity: str) -> SeasonGames:
    """Keep the facts of one player; results of a player do not depend on other players."""
    contexts = {
        day: [c for c in found if c.player == entity] for day, found in facts.contexts.items()
    }
    players, defenses = (
        {k: v for k, v in by.items() if k == entity} for by in (facts.players, facts.defenses)
    )
    return replace(facts, players=players, defenses=defenses, contexts=contexts)
