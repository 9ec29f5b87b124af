"""Closed vocabularies of the inputs: usual spellings are translated, other values are refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

# Types of a game. Games of every type count in the windows if Phase 3 has their rows; which types
# make a processing date is defined in validation.season.
GAME_TYPES = {
    "regular": "regularseason reg regseason rs",
    "cup": "nbacup emiratesnbacup inseasontournament ist inseason cupfinal nbacupfinal",
    "play_in": "playin playintournament playingame playins pit",
    "playoffs": "playoff postseason post pst nbaplayoffs finals nbafinals",
    "all_star": "allstar allstargame allstarweekend nbaallstar nbaallstargame asg",
    "preseason": "pre preseasongame exhibition",
}
GAME_STATUSES = {
    1: "scheduled pregame upcoming notstarted created",
    2: "inprogress live inplay halftime started",
    3: "final f finalot finished completed complete closed ended gameover fulltime",
    4: "postponed ppd suspended delayed",
    5: "cancelled canceled cancel abandoned",
}
STATUS_NAMES = "1 scheduled, 2 in progress, 3 final, 4 postponed, 5 cancelled"
OVERTIME = re.compile(r"(final|f)\d*ot\d*")
TIP_OFF = re.compile(r"\d{3,4}[ap]met")  # 7:30 pm ET

TEAM_CODES = """
ATL BKN BOS CHA CHI CLE DAL DEN DET GSW HOU IND LAC LAL MEM MIA MIL MIN NOP NYK OKC ORL PHI
PHX POR SAC SAS TOR UTA WAS
NJN NOH NOK SEA VAN CHH SDC KCK BRK CHO PHO BKL UTH GOS SAN PHL NOR WSB
"""
# Today's teams, then earlier ones and the codes of other sources.
NBA_TEAMS = frozenset(TEAM_CODES.split())
SHORT_TEAMS = {"GS": "GSW", "NO": "NOP", "NY": "NYK", "SA": "SAS", "UTAH": "UTA", "WSH": "WAS"}
TEAM = re.compile(r"[A-Z]{3}")
LOOKUP = re.compile(r"[a-z0-9]+")
GAME_ID = re.compile(r"00[1-6]\d{7}")

TYPE_COLUMNS = ("season_type", "season_phase")
TEAM_COLUMNS = (
    "team_abbr", "opponent_team_abbr", "defending_team_abbr", "home_team_abbr", "away_team_abbr",
)  # fmt: skip
COLUMNS = (*TYPE_COLUMNS, *TEAM_COLUMNS, "game_status", "player_lookup", "game_id")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Values of a column. `spell` returns a value in its own spelling, or None if it is unknown."""

    known: str
    spell: Callable[[str], str | None]


def vocabulary_of(column: str, teams: Collection[str], *, is_schedule: bool) -> Vocabulary:
    """Return the vocabulary of a column; `teams` are those of the schedule."""
    if column in TYPE_COLUMNS:
        return Vocabulary(known=", ".join(GAME_TYPES), spell=_season_type)
    if column in TEAM_COLUMNS:
        return _team_vocabulary(teams, is_schedule=is_schedule)
    if column == "game_status":
        return Vocabulary(known=STATUS_NAMES, spell=_game_status)
    if column == "game_id":
        return Vocabulary(known=GAME_ID_FORM, spell=_game_id)
    return Vocabulary(known="lower-case letters and digits, such as lebronjames", spell=_lookup)


GAME_ID_FORM = (
    "10 digits, such as 0022300001: 00, then 1 preseason, 2 regular, 3 all_star, 4 playoffs,"
    " 5 play_in or 6 cup, two digits of the season, five of the game"
)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _reversed(table: Iterable[tuple[object, str]]) -> dict[str, str]:
    return {
        spelling: str(value)
        for value, spellings in table
        for spelling in (_plain(str(value)), *spellings.split())
    }


TYPE_SPELLINGS = _reversed(GAME_TYPES.items())
STATUS_SPELLINGS = _reversed(GAME_STATUSES.items())


def _season_type(text: str) -> str | None:
    return TYPE_SPELLINGS.get(_plain(text))


def _game_status(text: str) -> str | None:
    plain = _plain(re.sub(r"\.0+$", "", text.strip()))
    if OVERTIME.fullmatch(plain):
        return "3"
    return "1" if TIP_OFF.fullmatch(plain) else STATUS_SPELLINGS.get(plain)


@lru_cache(maxsize=100_000)
def _game_id(text: str) -> str | None:
    digits = re.sub(r"\.0+$", "", text.strip())
    padded = digits.zfill(10) if re.fullmatch(r"\d{8,10}", digits) else ""
    return padded if GAME_ID.fullmatch(padded) else None


def _lookup(text: str) -> str | None:
    if LOOKUP.fullmatch(text):
        return text
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _plain(letters) or None


def _team_vocabulary(teams: Collection[str], *, is_schedule: bool) -> Vocabulary:
    """The schedule defines the teams; another table may also have a code of the NBA, which the
    checks across tables compare.
    """

    def spell(text: str) -> str | None:
        code = text.strip().upper()
        code = code if code in teams else SHORT_TEAMS.get(code, code)
        if is_schedule:
            return code if TEAM.fullmatch(code) else None
        return code if code in NBA_TEAMS or code in teams else None

    known = ", ".join(sorted(teams)) or "three capital letters, such as BKN"
    return Vocabulary(known=known, spell=spell)
