"""Players: invented people with a role, a style, a birthday and absences. Days count from opening
night.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from backfill.simulation.dates import LAST_DAY
from backfill.simulation.schedule import TEAMS

FIRST_NAMES = (
    ("Ka", "De", "Jo", "Ty", "Ma", "Le", "An", "Ro", "Zi", "El"),
    ("lan", "mir", "von", "reth", "sey", "dric", "quin", "bor"),
)
LAST_NAMES = (
    (
        "Bra",
        "Dor",
        "Fen",
        "Gal",
        "Har",
        "Kes",
        "Lom",
        "Mar",
        "Nor",
        "Ost",
        "Pel",
        "Quar",
        "Sten",
        "Tav",
        "Vel",
        "Wex",
        "Zan",
    ),
    ("a", "be", "da", "ki", "lo", "ne", "ri", "su"),
    ("ck", "dell", "ford", "lin", "more", "ric", "stad", "ton", "vik", "worth"),
)
AGES = 19, 40

Spell = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class PlayerRole:
    """A place in a team: minutes when he plays, share of its games that he plays when fit, percent
    of possessions used.
    """

    name: str
    per_team: int
    minutes: float
    chance: float
    usage: float
    because: str = ""


STAR = PlayerRole(
    name="star", per_team=2, minutes=34.0, chance=0.965, usage=28.0, because="rested now and then"
)
STARTER = PlayerRole(name="starter", per_team=3, minutes=29.0, chance=0.975, usage=19.0)
ROTATION = PlayerRole(name="rotation", per_team=4, minutes=20.5, chance=0.92, usage=18.0)
BENCH = PlayerRole(
    name="bench",
    per_team=3,
    minutes=12.5,
    chance=0.56,
    usage=17.0,
    because="half of the nights he sits",
)
DEEP = PlayerRole(
    name="deep bench",
    per_team=3,
    minutes=7.0,
    chance=0.25,
    usage=17.0,
    because="late in decided games, or when others are hurt",
)
TWO_WAY = PlayerRole(
    name="two-way",
    per_team=2,
    minutes=7.0,
    chance=0.15,
    usage=17.0,
    because="mostly with the affiliate",
)
CALL_UP = PlayerRole(
    name="call-up",
    per_team=0,
    minutes=9.0,
    chance=0.5,
    usage=17.0,
    because="hired because he is needed",
)
ROSTER = STAR, STARTER, ROTATION, BENCH, DEEP, TWO_WAY
# Coaches have favorites even at the end of the bench, and others hardly ever play: shares are drawn
# from a curve of this power.
FAVORITES = 1.5
CALL_UPS = 64
CALL_UP_DAYS = 35, 172
# A contract of ten days, two of them, or the rest of the season.
CALL_UP_STAYS = 10, 20, LAST_DAY

# Shares of the paint and of threes among a player's shots, by kind of player; the rest is
# mid-range.
STYLES = ((0.33, 0.52), (0.26, 0.64), (0.44, 0.36), (0.60, 0.20), (0.84, 0.05))
STYLE_WEIGHTS = (30, 26, 22, 13, 9)

# Absences: a new one begins after so many fit days on average; (share, shortest, longest) in days.
FIT_DAYS = 62
SPELLS = ((0.66, 1, 7), (0.25, 9, 32), (0.09, 40, 130))
LATE_DEBUT = 0.16
LATE_DEBUT_DAYS = 4, 55


@dataclass(slots=True, eq=False, kw_only=True)
class Player:
    """Invented player. `trust` scales the chance to play; `stints` are disjoint (first day, last
    day, team).
    """

    lookup: str
    uid: str
    full_name: str
    born: date
    role: PlayerRole
    usage: float
    minutes: float
    zones: tuple[float, float]
    accuracy: tuple[float, float, float]
    free_throws: tuple[float, float]
    assisted: float
    trust: float
    absences: list[Spell]
    stints: list[tuple[int, int, int]] = field(default_factory=list)

    def absence(self, day: int) -> Spell | None:
        """Return the absence that covers this day, or the latest one before it."""
        place = bisect(self.absences, (day, LAST_DAY * 9))
        return self.absences[place - 1] if place else None

    def age(self, day: date) -> int:
        """Return the age in years on a date."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


def names(rng: Random) -> Iterator[str]:
    """Yield invented full names, unique even without spaces and capitals."""
    seen: set[str] = set()
    while True:
        first, last = (
            "".join(rng.choice(part) for part in parts) for parts in (FIRST_NAMES, LAST_NAMES)
        )
        if (name := f"{first} {last}") not in seen:
            seen.add(name)
            yield name


def absences(rng: Random) -> list[Spell]:
    """Return a season's absences, in order and disjoint."""
    spells, day = [], 0.0
    if rng.random() < LATE_DEBUT:
        spells.append((0, rng.randint(*LATE_DEBUT_DAYS)))
        day = spells[0][1] + 1.0
    while (day := day + 1 + rng.expovariate(1 / FIT_DAYS)) <= LAST_DAY:
        _, shortest, longest = rng.choices(SPELLS, [share for share, _, _ in SPELLS])[0]
        end = int(day) + rng.randint(shortest, longest) - 1
        spells.append((int(day), end))
        day = end + 1.0
    return spells


def birthday(opening: date, role: PlayerRole, rng: Random) -> date:
    """Draw a birthday that keeps him within AGES all season; the end of the bench is young."""
    typical = 22.5 if role in (TWO_WAY, CALL_UP) else 26.5
    years = min(AGES[1] - 0.6, max(AGES[0] + 0.1, rng.gauss(typical, 3.8)))
    return opening - timedelta(days=int(years * 365.25))


def accuracy(role: PlayerRole, rng: Random) -> tuple[float, float, float]:
    """Return the chance of a make by zone; players with more minutes shoot better."""
    better = (role.minutes - 20) / 1000
    return (
        rng.gauss(0.585 + better, 0.035),
        rng.gauss(0.422 + better, 0.03),
        rng.gauss(0.362 + better, 0.022),
    )


def trust(role: PlayerRole, rng: Random) -> float:
    """Return a player's chance to be picked relative to others of his role, which matters most at
    the end of the bench.
    """
    if role in (DEEP, TWO_WAY):
        return float(rng.random() ** FAVORITES)
    return rng.uniform(0.4, 1.3) if role is BENCH else 1.0


def player(name: str, number: int, role: PlayerRole, opening: date, rng: Random) -> Player:
    lookup = name.lower().replace(" ", "")
    paint, three = rng.choices(STYLES, STYLE_WEIGHTS)[0]
    shift = rng.uniform(-0.06, 0.06)
    return Player(
        lookup=lookup,
        uid=f"{lookup}_{number}",
        full_name=name,
        born=birthday(opening, role, rng),
        role=role,
        usage=role.usage * rng.uniform(0.82, 1.18),
        minutes=role.minutes * rng.uniform(0.88, 1.1),
        zones=(paint + shift, max(0.01, three - shift)),
        accuracy=accuracy(role, rng),
        free_throws=(rng.uniform(0.12, 0.38), min(0.95, rng.gauss(0.775, 0.07))),
        assisted=rng.uniform(0.35, 0.85),
        trust=trust(role, rng),
        absences=absences(rng),
    )


def call_up(hired: Player, rng: Random) -> Player:
    """Give him his days with a team; one in six finds a second team later."""
    first = rng.randint(*CALL_UP_DAYS)
    last = min(LAST_DAY, first + rng.choice(CALL_UP_STAYS))
    hired.absences = [spell for spell in hired.absences if spell[0] > first]
    hired.stints = [(first, last, rng.randrange(len(TEAMS)))]
    if last < LAST_DAY - 20 and rng.random() < 1 / 6:
        hired.stints.append((last + 10, LAST_DAY, rng.randrange(len(TEAMS))))
    return hired


def players(opening: date, rng: Random) -> list[Player]:
    """Return all players of a season: thirty rosters, by team and role, then the call-ups."""
    name, number = names(rng), opening.year * 1000
    found: list[Player] = []
    for team in range(len(TEAMS)):
        for role in (each for each in ROSTER for _ in range(each.per_team)):
            found.append(player(next(name), number + len(found), role, opening, rng))
            found[-1].stints.append((0, LAST_DAY, team))
    for _ in range(CALL_UPS):
        found.append(call_up(player(next(name), number + len(found), CALL_UP, opening, rng), rng))
    return found
