"""One entity over a season, every processor that is about it."""

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
from backfill.models import Job, Run
from backfill.plan import input_signatures
from backfill.plan.planning import Key
from backfill.processors.registry import PROCESSORS
from backfill.season_calendar import load_calendar, season_name
from backfill.status.latest_runs import LatestRun, audit_summaries, latest_runs
from validation.expectation import (
    CODES,
    NO_HISTORY,
    TDZA,
    GameHistory,
    GameRow,
    SeasonGames,
    expected,
)
from validation.season import Day

NOTHING = EntityStatuses({code: {} for code in CODES})


@dataclass(frozen=True, slots=True)
class EntityDay:
    """One (processor, date) of an entity: `state` is a failure category, `row`, or empty where
    neither is there.

    `must` is what it must be by the games played, empty where it is not of the population; `match`
    is None where
    nothing was run, or where it neither is nor must be there. `games` are those before the date.
    """

    day: Day
    state: str
    must: str
    match: Match | None
    games: int


@dataclass(frozen=True)
class EntitySeason:
    """One entity over a season: `rows` has of each processor that is about it a DayOf for every
    processing date.

    `played` are the games that count, newest first; `sql` asks the warehouse for all of it.
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
    """A player or a team over a season. Raises Refused, WarehouseError.

    Three queries of the database, and one of the warehouse for the dates that were not judged, or
    not found as they must
    be: opening the partitions of all takes half a second.
    """
    calendar, named = load_calendar(), all_names(year).get(entity_id)
    if not named:
        raise Refused(
            f"{entity_id!r} is nobody of {season_name(year)}; search for a part of the name"
        )
    days = tuple(day for day in calendar.season(year) if day.is_computed)
    facts = _about(load.facts(calendar.starts[year]), entity_id)
    of = _Of(
        year,
        entity_id,
        days,
        facts,
        tuple(c for c, p in PROCESSORS.items() if p.is_about_teams == named.is_team),
    )
    played = tuple(of.history.games_before(date.max))
    rows = {code: tuple(of.day(day, code) for day in days) for code in of.codes}
    return EntitySeason(
        entity_id,
        named.name,
        named.team,
        year,
        days,
        rows,
        played,
        of.asked([d.day for d in days]).text,
    )


@dataclass(frozen=True)
class _Of:
    """What is known of an entity in a season, read when asked for."""

    year: int
    entity: str
    days: Sequence[Day]
    facts: SeasonGames
    codes: tuple[str, ...]

    @cached_property
    def history(self) -> GameHistory:
        return (self.facts.defenses if TDZA in self.codes else self.facts.players).get(
            self.entity, NO_HISTORY
        )

    @cached_property
    def runs(self) -> dict[Key, LatestRun]:
        return latest_runs(self.days)

    @cached_property
    def exact(self) -> set[Key]:
        """What was judged since it ran, found to be as it must, and reads the same rows of Phase 3
        now: so is this one's.
        """
        verdicts = audit_summaries(self.year)
        right = {key for key, held in verdicts.items() if held.outside == 0 and not held.changed}
        signed = {
            key: run for key, run in self.runs.items() if key in right and run.input_signature
        }
        judged = {key for key, run in signed.items() if verdicts[key].run_id == run.run_id}
        now = input_signatures.signatures(judged)
        return {key for key in judged if self.runs[key].input_signature == now[key]}

    @cached_property
    def live(self) -> set[Key]:
        """What was run in normal mode."""
        jobs = Job.objects.in_bulk({run.job_id for run in self.runs.values()})
        normal = {pk for pk, job in jobs.items() if not job.parsed_options.backfill_mode}
        return {key for key, run in self.runs.items() if run.job_id in normal}

    @cached_property
    def must(self) -> dict[Key, str]:
        """What it must be, where it is of the population."""
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
        """What the warehouse holds of it."""
        return question(dates, self.codes, self.entity)

    def day(self, day: Day, code: str) -> EntityDay:
        """One (processor, date)."""
        key = code, day.day
        must, there, run = (
            self.must.get(key, ""),
            self.found.get(day.day, NOTHING),
            self.runs.get(key),
        )
        status = (
            Status(must) if key in self.exact and must else there.statuses[code].get(self.entity)
        )
        counts = status is not None or (must and run and run.status == Run.Status.COMPLETE)
        held = match(self.entity, code, status, must, there) if counts else None
        return EntityDay(
            day, status.status if status else "", must, held, self.history.before(day.day).games
        )


def _about(facts: SeasonGames, entity: str) -> SeasonGames:
    """The facts without all other players, on whom nothing of this one depends."""
    contexts = {
        day: [c for c in found if c.player == entity] for day, found in facts.contexts.items()
    }
    players, defenses = (
        {k: v for k, v in by.items() if k == entity} for by in (facts.players, facts.defenses)
    )
    return replace(facts, players=players, defenses=defenses, contexts=contexts)
