"""Player keys that do not join: pairs of names for one player in games and in context."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from functools import lru_cache, partial
from operator import attrgetter
from typing import NamedTuple

from validation.findings.kinds import pluralize
from validation.inputs import kinds
from validation.inputs.problem import MOST_LISTED, InputProblem, RowKey, briefly, span

STATEMENT = "input-names"
# A second spelling without equal letters needs this many common games, and this similarity.
MIN_GAMES, MIN_SIMILARITY = 3, 0.6
# A name that is no longer than this keeps its suffix: it would be all of the name.
MIN_LETTERS = 3
# A player without context in fewer games is a late signing or trade.
MIN_GAMES_WITHOUT_CONTEXT = 10
SUFFIX = re.compile(r"[\s_.,-]*(jr|sr|ii|iii|iv|v)[\s_.]*$", re.IGNORECASE)
# Letters that Unicode does not decompose.
LETTERS = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})  # fmt: skip


class Alone(NamedTuple):
    """Player whose rows of some games in one table have no counterpart in the other one; `games`
    are (date, game_id) as text.
    """

    table: str
    player: str
    team: str
    uid: str | None
    games: frozenset[str]

    @property
    def ids(self) -> frozenset[str]:
        """Games without a counterpart."""
        return _ids(self.games)

    def keys(self, among: Collection[str]) -> Iterator[RowKey]:
        """Yield the rows of some games."""
        for game in sorted(self.games):
            day, _, game_id = game.rpartition(" ")
            if game_id in among:
                yield RowKey(self.table, self.player, date.fromisoformat(day), game_id, self.team)


@lru_cache(maxsize=4096)
def _ids(games: frozenset[str]) -> frozenset[str]:
    return frozenset(game.rpartition(" ")[2] for game in games)


@dataclass(frozen=True, kw_only=True)
class NamePair:
    """Two names of one player: in the games and in the context."""

    game: Alone
    context: Alone
    difference: str

    @property
    def common(self) -> frozenset[str]:
        """Games that have one name in each table."""
        return self.game.ids & self.context.ids

    @property
    def text(self) -> str:
        """Both names as text, with blanks visible."""
        return f"{_quoted(self.game.player)} and {_quoted(self.context.player)}"


def _quoted(name: str) -> str:
    return repr(name) if re.search(r"\s", name) or not name else name


def without_accents(name: str) -> str:
    """Return a name in unaccented letters, also if its UTF-8 was read as another encoding."""
    for encoding in ("cp1252", "latin-1"):
        try:
            name = name.encode(encoding).decode()
        except UnicodeError:
            continue
        break
    decomposed = unicodedata.normalize("NFKD", name.translate(LETTERS))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return the letters and digits of a name, without case, accents and suffix."""
    folded = without_accents(name).casefold()
    short = _without_suffix(folded)
    return _alphanumeric(short if len(short) > MIN_LETTERS else folded)


def _alphanumeric(name: str) -> str:
    return "".join(filter(str.isalnum, name))


def _without_blanks(name: str) -> str:
    return re.sub(r"\s", "", name)


def _without_suffix(name: str) -> str:
    return SUFFIX.sub("", name)


STEPS: dict[str, Callable[[str], str]] = {
    "blank": _without_blanks,
    "letter case": str.casefold,
    "accent": without_accents,
    "punctuation": _alphanumeric,
    "suffix": _without_suffix,
}


def difference(one: str, other: str) -> str:
    """Return in what two names differ: one step that makes them equal, else several."""
    if single := [what for what, step in STEPS.items() if step(one) == step(other)]:
        return single[0]
    needed: list[str] = []
    for what, step in STEPS.items():
        before, (one, other) = (one, other), (step(one), step(other))
        if before != (one, other):
            needed.append(what)
        if one == other:
            return " and ".join(needed)
    return "spelling"


def problems(alone: Iterable[Alone]) -> list[InputProblem]:
    """Return a problem per kind of difference, and one for the players without any context."""
    found = list(alone)
    games = [one for one in found if one.table == "PGS"]
    pairs = list(_pairs(games, [one for one in found if one.table == "UPGC"]))
    paired = {pair.game.player for pair in pairs}
    by_difference: dict[str, list[NamePair]] = defaultdict(list)
    for pair in pairs:
        by_difference[pair.difference].append(pair)
    rest = [
        one
        for one in games
        if one.player not in paired and len(one.games) >= MIN_GAMES_WITHOUT_CONTEXT
    ]
    return [
        *(_problem(what, group) for what, group in by_difference.items()),
        *([_without_context(rest)] if rest else []),
    ]


def _pairs(games: Sequence[Alone], contexts: Sequence[Alone]) -> Iterator[NamePair]:
    """Yield each name in the games with the names in the context of the same games."""
    by_game: dict[str, list[Alone]] = defaultdict(list)
    for context in contexts:
        for game in context.ids:
            by_game[game].append(context)
    rest: list[tuple[Alone, list[Alone]]] = []
    paired: set[str] = set()
    for one in games:
        near = {context for game in one.ids for context in by_game[game]} - {one}
        alike = sorted(filter(partial(_is_alike, one), near), key=attrgetter("player"))
        paired.update(context.player for context in alike)
        yield from (_pair(one, context) for context in alike)
        if not alike:
            rest.append((one, sorted(near, key=attrgetter("player"))))
    for one, contexts_ in rest:
        free = [c for c in contexts_ if c.player not in paired and _is_similar(one, c)]
        yield from (_pair(one, context) for context in free)


def _pair(game: Alone, context: Alone) -> NamePair:
    return NamePair(game=game, context=context, difference=difference(game.player, context.player))


def _is_alike(one: Alone, other: Alone) -> bool:
    """Return whether two names have equal letters or ids."""
    return plain(one.player) == plain(other.player) or bool(one.uid and one.uid == other.uid)


def _is_similar(one: Alone, other: Alone) -> bool:
    """Return whether two similar names are in the same games of a team."""
    common = len(one.ids & other.ids)
    return (
        one.team == other.team
        and common >= MIN_GAMES
        and common * 5 >= 4 * max(len(one.ids), len(other.ids))
        and SequenceMatcher(None, plain(one.player), plain(other.player)).ratio() >= MIN_SIMILARITY
    )


def _problem(what: str, pairs: Sequence[NamePair]) -> InputProblem:
    keys = [(key, pair) for pair in pairs for key in pair.game.keys(pair.common)]
    wrong = tuple(key for key, _ in keys)
    dates = tuple(sorted({key.day for key in wrong}))
    games = tuple(sorted({key.game_id for key in wrong}))
    names = tuple(name for pair in pairs for name in (pair.game.player, pair.context.player))
    count = pluralize(len(pairs), "player")
    named = briefly(pair.text for pair in pairs)
    return InputProblem(
        kind=kinds.PLAYER_NAME,
        subject=what,
        sentence=f"{count} with different keys in player_game_summary and "
        f"upcoming_player_game_context ({what}): {named}; {pluralize(len(games), 'game')}, "
        f"{span(dates)}",
        statement=STATEMENT,
        only={"player_lookup": names},
        tables=("PGS", "UPGC"),
        dates=dates,
        games=games,
        teams=tuple(sorted({pair.game.team for pair in pairs})),
        players=names,
        wrong=wrong,
        right=tuple(key._replace(entity=pair.context.player) for key, pair in keys),
        numbers={
            "pairs": [pair.text for pair in pairs][:MOST_LISTED],
            "rows": len(wrong),
        },
    )


def _without_context(rest: Sequence[Alone]) -> InputProblem:
    wrong = [key for one in rest for key in one.keys(one.ids)]
    dates = tuple(sorted({key.day for key in wrong}))
    players = tuple(sorted(one.player for one in rest))
    rows = pluralize(len(wrong), "game")
    return InputProblem(
        kind=kinds.NO_CONTEXT,
        subject="UPGC",
        sentence=f"{pluralize(len(players), 'player')} with {rows} and without context: "
        f"{briefly(players)}; {span(dates)}",
        statement=STATEMENT,
        only={"player_lookup": players},
        tables=("UPGC",),
        dates=dates,
        games=tuple(sorted({key.game_id for key in wrong})),
        teams=tuple(sorted({one.team for one in rest})),
        players=players,
        right=tuple(key._replace(table="UPGC") for key in wrong),
        numbers={"rows": len(wrong)},
    )
