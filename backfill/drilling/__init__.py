"""From a count down to one player: the entities of a (processor, date), the story of each, a season of one."""

from backfill.drilling.entities import Entity, Match, Page, chosen, entities
from backfill.drilling.names import Named, search
from backfill.drilling.season import PlayerSeason, season_of
from backfill.drilling.story import Story, entity

__all__ = ["Entity", "Match", "Named", "Page", "PlayerSeason", "Story", "chosen", "entities", "entity", "search", "season_of"]
