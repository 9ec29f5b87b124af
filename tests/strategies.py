"""Random leagues with many defects in their source data.

Hypothesis draws a seed and a few knobs; random.Random builds the league from them. Shrinking the
knobs makes a counterexample readable, and a league costs milliseconds. HYPOTHESIS_PROFILE=thorough
generates many more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from tests.oracle.outcome import TABLES, Row, Rows, Tables
from tests.spoiling import NOTHING_WRONG, RANGES, Chances, any_game, number, spoiled

# Without Phase.explain: the seed's effect on a league is more useful than the lines that failing
# cases share.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
settings.register_profile(
    "ordinary",
    max_examples=6,
    deadline=None,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile("thorough", settings.get_profile("ordinary"), max_examples=500)
# Not loaded globally: other tests keep their own settings.
league_settings = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "ordinary"))

SEASON_START = date(2023, 10, 24)
ZONES = ("paint", "mid_range", "three_pt")
# Most attempts per zone; (4, 4, 4) with equal makes gives ties, zeros give empty zones.
STYLES = (
    (8, 3, 3),
    (3, 8, 3),
    (3, 3, 8),
    (4, 4, 4),
    (6, 5, 6),
    (0, 5, 5),
    (5, 0, 2),
    (1, 1, 1),
    (0, 0, 0),
)
WORDS: dict[str, tuple[str, ...]] = {
    "player_status": (
        "available",
        "Probable",
        "QUESTIONABLE",
        "doubtful",
        "Out",
        "OUT",
        "out ",
        "",
        "gtd",
    ),
    "season_phase": ("regular", "regular", "playoffs", "Playoffs", "PLAYOFFS", "preseason"),
}


@dataclass(frozen=True)
class Knobs:
    """Parameters of a league."""

    seed: int
    teams: int
    roster: int
    rounds: int
    day_index: int
    days: int = 1
    chances: Chances = NOTHING_WRONG


@dataclass(frozen=True)
class League:
    """Played part of a season as source tables, and the dates to run."""

    knobs: Knobs
    dates: list[date]
    tables: Tables
    season_start: date = SEASON_START

    def __repr__(self) -> str:
        """Return the call that builds it again; hypothesis would print all rows otherwise."""
        return f"build({self.knobs})"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True)
class Game:
    id: str
    day: date
    teams: tuple[str, str]


@dataclass(frozen=True)
class Player:
    name: str
    rate: float
    style: tuple[int, ...]
    teams: tuple[str, str]
    traded_on: date

    def team(self, day: date) -> str:
        return self.teams[day >= self.traded_on]


def leagues() -> st.SearchStrategy[League]:
    """Return leagues of 2 to 14 teams, 14 to 60 days into the season."""
    return st.builds(
        Knobs,
        seed=st.integers(0, 2**32),
        teams=st.sampled_from((2, 4, 6, 3, 5, 10, 12, 14)),
        roster=st.integers(1, 6),
        rounds=st.sampled_from((18, 16, 20, 22, 25, 25, 25, 12, 7, 0)),
        day_index=st.one_of(st.integers(14, 29), st.integers(30, 60)),
        days=st.integers(1, 3),
        chances=st.builds(
            Chances,
            nulls=st.sampled_from((0, 3, 20)),
            unknown=st.sampled_from((0, 5, 30)),
            impossible=st.sampled_from((0, 0, 3, 20)),
            copies=st.sampled_from((0, 5, 30)),
        ),
    ).map(build)


def build(knobs: Knobs) -> League:
    """Build the league of these knobs; the same knobs give the same league."""
    rng = Random(knobs.seed)
    first = SEASON_START + timedelta(days=knobs.day_index)
    dates = [first, first + timedelta(days=1), first + timedelta(days=6)][: knobs.days]
    teams = [f"T{i:02d}" for i in range(knobs.teams)]
    games = _games(rng, knobs, teams, dates)
    players = [_player(rng, i, teams, knobs) for i in range(min(knobs.roster * knobs.teams, 36))]
    clean = {
        "PGS": [
            _player_row(rng, p, g, t)
            for g in games
            for p in players
            for t in _appearances(rng, p, g)
        ],
        **_team_tables(rng, teams, games),
        "UPGC": [
            _context_row(rng, p, teams, day)
            for day in _around(dates)
            for p in players
            if rng.random() < 0.9
        ],
        "UTGC": [
            _team_context(rng, t, teams, day)
            for day in _around(dates)
            for t in teams
            if rng.random() < 0.6
        ],
    }
    sources = {short: spoiled(rng, knobs.chances, short, rows) for short, rows in clean.items()}
    return League(knobs, dates, sources | {"SCHED": _schedule(rng, knobs, games, dates)})


# Clean rows


def _games(rng: Random, knobs: Knobs, teams: list[str], dates: list[date]) -> list[Game]:
    """Make rounds at random days: two on one date are ties; game ids do not follow the dates."""
    inside = [
        SEASON_START + timedelta(days=rng.randrange(knobs.day_index)) for _ in range(knobs.rounds)
    ]
    outside = [SEASON_START - timedelta(days=d) for d in (1, 200)] + [
        *dates,
        dates[-1] + timedelta(days=2),
    ]
    rates = {t: rng.choice((1, 1, 1, 1, 1, 0.8, 0.5, 0)) for t in teams}
    pairs = [(day, pair) for day in inside + outside for pair in _pairs(rng, teams, rates)]
    numbers = rng.sample(range(99999), len(pairs))
    return [Game(f"00223{n:05d}", day, pair) for n, (day, pair) in zip(numbers, pairs, strict=True)]


def _pairs(rng: Random, teams: list[str], rates: dict[str, float]) -> list[tuple[str, str]]:
    playing = [t for t in rng.sample(teams, len(teams)) if rng.random() < rates[t]]
    return list(zip(playing[::2], playing[1::2], strict=False))


def _player(rng: Random, i: int, teams: list[str], knobs: Knobs) -> Player:
    old = teams[i % len(teams)]
    new = rng.choice(teams) if rng.random() < 0.2 else old
    rate = rng.choice((1, 1, 1, 1, 0.9, 0.6, 0.3, 0.1, 0))
    traded_on = SEASON_START + timedelta(days=rng.randrange(knobs.day_index))
    return Player(f"player{i:02d}", rate, rng.choice(STYLES), (old, new), traded_on)


def _appearances(rng: Random, player: Player, game: Game) -> list[str]:
    team = player.team(game.day)
    return [team] if team in game.teams and rng.random() < player.rate else []


def _row(rng: Random, short: str, **given: Any) -> Row:
    """Make a plausible row: the given values, others by column name, processed the next morning."""
    row: Row = {c.name: number(rng, c) for c in TABLES[short].columns if c.name in RANGES}
    row |= {
        column: rng.choice(words)
        for column, words in WORDS.items()
        if column in TABLES[short].names
    }
    processed_at = datetime.combine(
        given["game_date"] + timedelta(days=1), time(10, rng.randrange(60))
    )
    return (
        row
        | {"season_year": 2023, "home_game": rng.random() < 0.5, "processed_at": processed_at}
        | given
    )


def _shots(rng: Random, style: Sequence[int], prefix: str = "") -> Row:
    row: Row = {}
    for zone, most in zip(ZONES, style, strict=True):
        attempts = 4 if most == 4 else rng.randint(0, most)
        row |= {
            f"{prefix}{zone}_attempts": attempts,
            f"{prefix}{zone}_makes": 2 if most == 4 else rng.randint(0, attempts),
        }
    return row


def _other(team: str, game: Game) -> str:
    return game.teams[game.teams[0] == team]


def _player_row(rng: Random, player: Player, game: Game, team: str) -> Row:
    row = _row(
        rng, "PGS", player_lookup=player.name, game_id=game.id, game_date=game.day, team_abbr=team
    )
    row |= {
        "universal_player_id": f"{player.name}_{rng.randint(1, 2)}",
        "opponent_team_abbr": _other(team, game),
    }
    row |= {"player_full_name": player.name.title(), "is_active": rng.random() > 0.04} | _shots(
        rng, player.style
    )
    makes, attempts = (
        sum(row[f"{zone}_{kind}"] for zone in ZONES) for kind in ("makes", "attempts")
    )
    assisted = rng.randint(0, makes)
    row |= {
        "fg_makes": makes,
        "fg_attempts": attempts,
        "assisted_fg_makes": assisted,
        "unassisted_fg_makes": makes - assisted,
    }
    if rng.random() < 0.04:
        row |= dict.fromkeys(("minutes_played", "fg_attempts", "fg_makes", "points"), 0)
        row |= {"assisted_fg_makes": None, "unassisted_fg_makes": 0}
    return row


def _team_tables(rng: Random, teams: list[str], games: list[Game]) -> Tables:
    styles = {
        t: tuple(3 * most if most != 4 else 4 for most in rng.choice(STYLES[:5] * 3 + STYLES))
        for t in teams
    }
    kept = {t: rng.choice((1, 1, 0.95, 0.85, 0.7)) for t in teams}
    played = [(g, t) for g in games for t in g.teams if rng.random() < kept[t]]
    return {
        "TDGS": [_team_row(rng, "TDGS", g, t) | _shots(rng, styles[t], "opp_") for g, t in played],
        "TOGS": [
            _team_row(rng, "TOGS", g, t) | {"win_flag": rng.random() < 0.5} for g, t in played
        ],
    }


def _team_row(rng: Random, short: str, game: Game, team: str) -> Row:
    row = _row(
        rng, short, game_id=game.id, game_date=game.day, opponent_team_abbr=_other(team, game)
    )
    return row | {TABLES[short].entity: team}


def _around(dates: list[date]) -> list[date]:
    """Return the dates and their neighbors, whose context rows must not be read."""
    return sorted({d + timedelta(days=n) for d in dates for n in (-1, 0, 1)})


def _context_row(rng: Random, player: Player, teams: list[str], day: date) -> Row:
    team = player.team(day) if rng.random() < 0.85 else rng.choice(teams)
    row = _row(
        rng, "UPGC", player_lookup=player.name, game_id=any_game(rng), game_date=day, team_abbr=team
    )
    row |= {"universal_player_id": f"{player.name}_9", "back_to_back": rng.random() < 0.3}
    if rng.random() < 0.05:
        row["avg_usage_rate_last_7_games"] = Decimal("0.00")
    return row | {"opponent_team_abbr": rng.choice([t for t in teams if t != team])}


def _team_context(rng: Random, team: str, teams: list[str], day: date) -> Row:
    row = _row(rng, "UTGC", team_abbr=team, game_id=any_game(rng), game_date=day)
    return row | {"opponent_team_abbr": rng.choice([t for t in teams if t != team])}


def _schedule(rng: Random, knobs: Knobs, games: list[Game], dates: list[date]) -> Rows:
    """Make a schedule: mostly final games, labels that open no date, games listed on two dates."""
    rows = [_schedule_row(rng, g, final=0.95 if g.day < dates[0] else 0.5) for g in games]
    moved = [row for row in rows if 100 * rng.random() < knobs.chances.copies]
    shifts = (-60, -3, -1, 1, 3, 60)
    copies = [r | {"game_date": r["game_date"] + timedelta(days=rng.choice(shifts))} for r in moved]
    return [*rows, *(r | {"game_status": rng.choice((1, 3, 3))} for r in copies)]


def _schedule_row(rng: Random, game: Game, final: float) -> Row:
    label = rng.choice(("regular",) * 12 + ("playoffs", "playoffs", "play-in", "Regular"))
    status = 3 if rng.random() < final else rng.choice((1, 2, 4))
    home, away = game.teams
    named = {
        "home_team_abbr": home,
        "away_team_abbr": away,
        "game_status": status,
        "season_type": label,
    }
    return {"game_id": game.id, "game_date": game.day, "season_year": 2023} | named
