from __future__ import annotations

import pytest

from validation.inputs.names import Alone, difference, plain, problems

GAMES = frozenset(f"2021-11-{day:02} g{day}" for day in range(1, 13))


def alone(table: str, player: str, games: frozenset[str] = GAMES, uid: str | None = None) -> Alone:
    return Alone(table, player, "BOS", uid, games)


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("LeBronJames", "lebronjames", "letter case"),
        ("jarenjackson", "jarenjacksonjr", "suffix"),
        ("Trey Murphy III", "Trey Murphy", "suffix"),
        ("nikolajokić", "nikolajokic", "accent"),
        ("kristapsporziņģis", "kristapsporzingis", "accent"),
        ("dariošarić", "dariosaric", "accent"),
        ("lebronjames ", "lebronjames", "blank"),
        ("lebron\u00a0james", "lebronjames", "blank"),
        ("o'neale", "oneale", "punctuation"),
        ("shaigilgeous-alexander", "shaigilgeousalexander", "punctuation"),
        ("Jokić", "jokic", "letter case and accent"),
        ("Tim Hardaway Jr.", "timhardaway", "blank and letter case and punctuation and suffix"),
        ("nicclaxton", "nicolasclaxton", "spelling"),
    ],
)
def test_two_names_differ_in_what_makes_them_equal(one: str, other: str, what: str) -> None:
    assert difference(one, other) == difference(other, one) == what


def test_utf8_read_as_another_encoding_is_the_same_name() -> None:
    assert plain("luka dončić".encode().decode("latin-1")) == "lukadoncic"


def test_a_short_name_is_no_suffix() -> None:
    assert plain("ivica") == "ivica"
    assert plain("jr") == "jr"


def test_names_pair_by_letters_by_id_and_by_common_games() -> None:
    pairs = [
        [alone("PGS", "Ann"), alone("UPGC", "ann")],
        [alone("PGS", "nic", uid="7"), alone("UPGC", "mike", uid="7")],
        [alone("PGS", "nicclaxton"), alone("UPGC", "nicolasclaxton")],
    ]
    for rows in pairs:
        (found,) = problems(rows)
        assert (found.kind.name, set(found.players)) == ("player name", {r.player for r in rows})


def test_other_players_of_a_team_are_no_pair() -> None:
    found = problems([alone("PGS", "stephencurry"), alone("UPGC", "draymondgreen")])
    assert [(f.kind.name, f.players) for f in found] == [("no context", ("stephencurry",))]


def test_a_father_and_a_son_in_other_games_are_no_pair() -> None:
    first, second = frozenset(sorted(GAMES)[:6]), frozenset(sorted(GAMES)[6:])
    assert (
        problems([alone("PGS", "larrynance", first), alone("UPGC", "larrynancejr", second)]) == []
    )


def test_a_late_signing_without_context_is_no_problem() -> None:
    assert problems([alone("PGS", "ann", frozenset(sorted(GAMES)[:9]))]) == []
