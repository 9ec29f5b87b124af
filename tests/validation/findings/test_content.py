from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from random import Random

import pytest

from backfill.warehouse.schema import Table
from backfill.warehouse.tables import ML, OUTPUTS, PGS, TDGS, TOGS, UPGC
from tests.oracle.features import NAMES
from validation.columns import FEATURES, SOURCES, Critical, counted_columns, critical, origins
from validation.findings.content import Jump, Share, folded, jumps
from validation.known_constants import PLACEHOLDERS, ConstantKind, may_be
from validation.processor_rules import CODES

NULL, ZERO, CONSTANT = ConstantKind
FIRST = date(2021, 11, 2)
MANY = 200


def watched_columns(table: str) -> tuple[Critical, ...]:
    return tuple(column for column in counted_columns(table) if column.watched)


CRITICAL = [watched_columns(table) for table in (*SOURCES, *CODES)]
TABLES = {table.short: table for table in (PGS, TDGS, TOGS, UPGC, *OUTPUTS)}
# Columns that identify the row and its entities; the vector is watched by its elements.
NAMING = {
    "player_lookup",
    "team_abbr",
    "defending_team_abbr",
    "opponent_team_abbr",
    "game_id",
    "season_year",
    "features",
}

Counts = Iterable[int | tuple[int, int]]


def share(
    day: int, count: int, rows: int = MANY, what: ConstantKind = NULL, name: str = "PGS.points"
) -> Share:
    """Make the share of a date's rows that are NULL, zero or constant."""
    table, _, column = name.partition(".")
    values = {
        NULL: {"nulls": count},
        ZERO: {"zeros": count},
        CONSTANT: {"distinct": 1 if count else 2},
    }[what]
    return Share(table, column, FIRST + timedelta(days=day), rows, **values)


def shares(
    *counts: int | tuple[int, int], what: ConstantKind = NULL, name: str = "PGS.points"
) -> list[Share]:
    """Make shares for consecutive dates from the first, of MANY rows or the given number."""
    return [
        share(n, *(c if isinstance(c, tuple) else (c, MANY)), what, name)
        for n, c in enumerate(counts)
    ]


def told(found: Iterable[Jump]) -> list[tuple[str, list[int]]]:
    """Return the jumped shares and their dates, counted from the first."""
    return [(str(jump.what), [(day - FIRST).days for day in jump.dates]) for jump in found]


def jumped(
    *counts: int | tuple[int, int], what: ConstantKind = NULL, name: str = "PGS.points"
) -> list[tuple[str, list[int]]]:
    return told(jumps(shares(*counts, what=what, name=name)))


# Watched columns


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_is_watched_unless_it_is_a_placeholder(table: Table) -> None:
    own = [
        c
        for c in table.columns
        if c.type not in ("DATE", "TIMESTAMP") and not c.name.startswith(("source_", "data_hash"))
    ]
    names = {c.name for c in own} - NAMING
    watched = {c.name for c in watched_columns(table.short)} - (
        set(FEATURES) if table is ML else set()
    )
    assert names - watched == {
        name for name in names if may_be(table.short, name) == set(ConstantKind)
    }
    assert watched <= names


def test_what_a_column_is_made_from_exists() -> None:
    sources = {source for columns in CRITICAL for column in columns for source in column.sources}
    unknown = [s for s in sources if s.partition(".")[2] not in TABLES[s.partition(".")[0]].names]
    assert unknown == []
    assert {s.partition(".")[0] for s in sources} == {
        "PGS",
        "TDGS",
        "TOGS",
        "UPGC",
        "TDZA",
        "PSZA",
        "PCF",
        "PDC",
    }


def test_the_features_are_watched_under_their_names() -> None:
    assert FEATURES == NAMES


def test_every_placeholder_says_why_and_is_of_a_column_that_there_is() -> None:
    names = {name for table in TABLES.values() for name in table.names} | set(FEATURES)
    assert [p for p in PLACEHOLDERS if not p.because or not set(p.columns.split()) <= names] == []


def test_a_column_comes_from_everything_before_it_in_the_chain() -> None:
    assert {"PCF.pace_score", "UPGC.pace_differential"} == origins("ML.pace_score")
    assert {"PSZA.mid_range_rate_last_10", "PGS.mid_range_attempts"} < origins(
        "ML.shot_zone_mismatch_score"
    )
    assert "PGS.mid_range_makes" not in origins("ML.shot_zone_mismatch_score")
    assert origins("PGS.points") == frozenset()


# Threshold


def test_a_column_that_is_suddenly_null_is_a_jump() -> None:
    (found,) = jumps(shares(10, 10, 10, 200))
    assert found == Jump(
        table="PGS",
        columns=("points",),
        what=NULL,
        dates=(date(2021, 11, 5),),
        share=1.0,
        reference=0.05,
    )


def test_twenty_rows_are_enough_to_judge_a_date_and_nineteen_are_not() -> None:
    assert jumped(0, 0, 0, (20, 20)) == [("NULL", [3])]
    assert jumped(0, 0, 0, (19, 19)) == []


def test_three_dates_before_are_enough_to_judge_a_date_and_two_are_not() -> None:
    assert jumped(0, 0, 0, 200) == [("NULL", [3])]
    assert jumped(0, 0, 200) == []


def test_a_quarter_more_is_a_jump_and_less_is_not() -> None:
    assert jumped(0, 0, 0, 50) == [("NULL", [3])]
    assert jumped(0, 0, 0, 49) == []
    assert jumped(20, 20, 20, 71) == [("NULL", [3])]
    assert jumped(20, 20, 20, 69) == []


def test_what_few_rows_may_show_by_chance_is_no_jump() -> None:
    assert jumped(100, 100, 100, (38, 40)) == []
    assert jumped(100, 100, 100, (95, 100)) == [("NULL", [3])]


def test_dates_are_pooled_by_their_rows() -> None:
    assert jumped((100, 100), (0, 900), (0, 1000), (30, 100)) == [("NULL", [3])]
    assert jumped((100, 100), (0, 100), (0, 100), (50, 100)) == []


def test_a_fall_is_no_jump() -> None:
    assert jumped(200, 200, 200, 0, 0) == []


def test_a_column_that_was_never_known_does_not_jump() -> None:
    assert jumped(*[200] * 20) == []


def test_zeros_are_counted_like_nulls() -> None:
    assert jumped(60, 60, 60, 200, what=ZERO) == [("zero", [3])]


def test_one_value_where_there_were_more_is_a_jump() -> None:
    assert jumped(0, 0, 0, 1, what=CONSTANT) == [("constant", [3])]
    assert jumped(0, 0, 0, (1, 20), what=CONSTANT) == [("constant", [3])]
    assert jumped(0, 0, 0, (1, 19), what=CONSTANT) == []
    assert jumped(1, 1, 1, 1, 1, what=CONSTANT) == []
    assert jumped(0, 1, 0, 0, 1, what=CONSTANT) == []


def test_a_constant_has_twenty_rows_that_are_not_null() -> None:
    before = shares(0, 0, 0, name="PSZA.paint_rate_last_20")
    for nulls, expected in ((180, [("constant", [3])]), (181, [])):
        known = [Share("PSZA", "paint_rate_last_20", FIRST + timedelta(days=3), MANY, nulls, 0, 1)]
        assert told(jumps([*before, *known])) == expected


def test_a_column_of_zeros_alone_is_zero_and_not_constant_besides() -> None:
    lost = Share("PGS", "points", FIRST + timedelta(days=3), MANY, 0, MANY, 1)
    assert told(jumps([*shares(0, 0, 0, what=ZERO), lost])) == [("zero", [3])]


def test_the_order_of_the_shares_does_not_matter() -> None:
    given = shares(0, 0, 0, 0, 200, 200, 0, 0) + shares(0, 0, 0, 0, 0, 180, name="PGS.ft_makes")
    shuffled = Random(1).sample(given, len(given))
    assert {told([jump])[0][0]: jump for jump in jumps(shuffled)} == {
        told([jump])[0][0]: jump for jump in jumps(given)
    }
    assert sorted(jumps(shuffled), key=str) == sorted(jumps(given), key=str)


# Consecutive dates


def test_a_rise_that_lasts_is_one_jump() -> None:
    (found,) = jumps(shares(0, 0, 0, *[200] * 30))
    assert (len(found.dates), found.share, found.reference) == (30, 1.0, 0.0)


def test_a_date_that_jumped_is_no_reference_for_the_next() -> None:
    assert jumped(0, 0, 0, 200, 200, 200, 0, 200, 200) == [("NULL", [3, 4, 5]), ("NULL", [7, 8])]


def test_only_the_seven_dates_before_are_a_reference() -> None:
    rising = [40 * n // 20 for n in range(40)]
    assert jumped(*rising) == []
    assert jumped(*[0] * 20, *[49] * 7, 99) == [("NULL", [27])]
    assert jumped(*[0] * 20, *[49] * 6, 99) == [("NULL", [26])]
    assert jumped(*[0] * 20, *[49] * 7, 98) == []


def test_a_small_date_goes_on_with_the_jump_before_it() -> None:
    assert jumped(0, 0, 0, 200, (5, 5), 200, 0) == [("NULL", [3, 4, 5])]
    assert jumped(0, 0, 0, 200, (0, 5), 200, 0) == [("NULL", [3]), ("NULL", [5])]
    assert jumped(0, 0, 0, (5, 5), 200, 0) == [("NULL", [4])]


def test_another_kind_of_loss_is_another_jump() -> None:
    empty = Share("PGS", "points", FIRST + timedelta(days=4), MANY, 0, MANY, 1)
    assert told(jumps([*shares(0, 0, 0, 200), empty])) == [("NULL", [3]), ("zero", [4])]


# Teams


def test_of_a_team_table_four_games_are_enough() -> None:
    assert jumped(*[(0, 14)] * 3, (8, 8), name="TDGS.defensive_rating") == [("NULL", [3])]
    assert jumped(*[(0, 14)] * 3, (7, 7), name="TDGS.defensive_rating") == []


@pytest.mark.parametrize("rows", [8, 10, 12, 14, 16, 30])
def test_one_game_without_ratings_is_no_jump(rows: int) -> None:
    assert jumped(*[(0, 14)] * 3, (2, rows), name="TDGS.defensive_rating") == []


def test_what_a_team_shares_is_one_value_and_not_ten() -> None:
    assert jumped(0, 0, 0, 60, what=ZERO, name="UPGC.pace_differential") == []
    assert jumped(0, 0, 0, (10, 20), what=ZERO, name="UPGC.pace_differential") == []
    assert jumped(0, 0, 0, 200, what=ZERO, name="UPGC.pace_differential") == [("zero", [3])]
    assert jumped(0, 0, 0, (20, 20), what=ZERO, name="UPGC.pace_differential") == [("zero", [3])]


def test_two_teams_may_share_a_value_by_chance() -> None:
    assert jumped(0, 0, 0, (1, 39), what=CONSTANT, name="UPGC.pace_differential") == []
    assert jumped(0, 0, 0, (1, 40), what=CONSTANT, name="UPGC.pace_differential") == [
        ("constant", [3])
    ]


# Placeholders


def test_what_may_be_never_jumps_and_everything_else_does() -> None:
    names = [(c.table, c.name) for columns in CRITICAL for c in columns]
    asked = [(*name, what) for name in names for what in ConstantKind]
    found = {(t, c, w) for t, c, w in asked if jumped(0, 0, 0, MANY, MANY, what=w, name=f"{t}.{c}")}
    assert found == {(t, c, w) for t, c, w in asked if w not in may_be(t, c)}
    assert {w for _, _, w in found} == set(ConstantKind)


# Folding


def jump(name: str, *days: int, what: ConstantKind = NULL) -> Jump:
    table, _, column = name.partition(".")
    dates = tuple(FIRST + timedelta(days=day) for day in days)
    return Jump(
        table=table,
        columns=(column,),
        what=what,
        dates=dates,
        share=1.0,
        reference=0.0,
        sources=critical(table, column).sources,
    )


def test_a_week_without_a_zone_is_one_jump_of_both_its_columns() -> None:
    week = range(3, 10)
    (found,) = folded([jump("PGS.mid_range_attempts", *week), jump("PGS.mid_range_makes", *week)])
    assert (found.columns, found.followers) == (("mid_range_attempts", "mid_range_makes"), ())
    assert found.cause == "Phase 3 lost the values of PGS.mid_range_attempts, PGS.mid_range_makes"


def test_what_follows_from_a_source_is_folded_into_it() -> None:
    source = jump("UPGC.pace_differential", 3, 4)
    outputs = [jump("PCF.pace_score", 3, 4, what=ZERO), jump("ML.pace_score", 3, 4, what=ZERO)]
    (found,) = folded([*outputs, source])
    assert (found.names, set(found.followers)) == (("UPGC.pace_differential",), set(outputs))
    assert found.cause == (
        "Phase 3 lost the values of UPGC.pace_differential; "
        "affected columns: PCF.pace_score, ML.pace_score"
    )


def test_a_jump_downstream_follows_even_where_nothing_between_jumped() -> None:
    source, last = jump("PGS.mid_range_attempts", 3, 4), jump("ML.pct_mid_range", 9, what=CONSTANT)
    (found,) = folded([source, last])
    assert (found.names, found.followers) == (("PGS.mid_range_attempts",), (last,))


def test_an_output_that_jumps_before_its_source_stands_by_itself() -> None:
    found = folded([jump("PCF.pace_score", 3, what=ZERO), jump("UPGC.pace_differential", 4)])
    assert [(j.names, j.followers) for j in found] == [
        (("PCF.pace_score",), ()),
        (("UPGC.pace_differential",), ()),
    ]


def test_an_output_that_jumps_long_after_its_source_stands_by_itself() -> None:
    source = jump("PGS.points", 3, 4)
    assert len(folded([source, jump("PDC.points_avg_last_5", 64)])) == 1
    assert len(folded([source, jump("PDC.points_avg_last_5", 65)])) == 2


def test_an_output_without_a_source_that_jumped_is_the_formulas() -> None:
    (found,) = folded([jump("PCF.pace_score", 3, what=ZERO), jump("ML.pace_score", 3, what=ZERO)])
    assert (found.names, [f.names for f in found.followers]) == (
        ("PCF.pace_score",),
        [("ML.pace_score",)],
    )
    assert found.cause == (
        "the processor's formula; its source columns did not change: UPGC.pace_differential; "
        "affected columns: ML.pace_score"
    )


def test_other_dates_another_kind_or_another_table_are_another_jump() -> None:
    apart = [
        jump("PGS.points", 3, 4),
        jump("PGS.ft_makes", 3),
        jump("PGS.fg_makes", 3, 4, what=ZERO),
        jump("TOGS.points_scored", 3, 4),
    ]
    assert sorted(folded(apart), key=str) == sorted(apart, key=str)


def test_merged_columns_share_their_followers_and_their_mean() -> None:
    jumped_together = [jump("PGS.points", 3), jump("PGS.ft_makes", 3)]
    (found,) = folded(
        [
            *jumped_together,
            jump("PDC.points_avg_last_5", 4),
            jump("ML.pct_free_throw", 5, what=CONSTANT),
        ]
    )
    assert found.columns == ("points", "ft_makes")
    assert [f.names for f in found.followers] == [
        ("PDC.points_avg_last_5",),
        ("ML.pct_free_throw",),
    ]


def test_nothing_comes_of_nothing() -> None:
    assert folded(jumps([])) == []


# Values that follow from columns that can be constant


def of_pcf(column: str, day: int, zeros: int = 0, distinct: int = 2) -> Share:
    return Share("PCF", column, FIRST + timedelta(days=day), MANY, 0, zeros, distinct)


def pcf(total: Sequence[int], mismatch: Sequence[int]) -> list[Share]:
    """Make the shares of PCF before and on a date with equal rest; `mismatch` has distinct values."""
    return [
        share
        for day, (zeros, distinct) in enumerate(zip(total, mismatch, strict=True))
        for share in (
            of_pcf("total_composite_adjustment", day, zeros, 1 if zeros == MANY else 2),
            of_pcf("fatigue_score", day, 0, 1 if zeros == MANY else 2),
            of_pcf("shot_zone_mismatch_score", day, MANY if distinct == 1 else 0, distinct),
            of_pcf("pace_score", day, MANY, 1),
            of_pcf("usage_spike_score", day, MANY, 1),
        )
    ]


@pytest.mark.parametrize("zeros", [MANY, 150])
def test_a_total_of_excused_columns_alone_is_excused(zeros: int) -> None:
    assert told(jumps(pcf([0, 0, 0, 0, zeros], [1] * 5))) == []


def test_a_total_is_a_jump_where_another_source_varied_before() -> None:
    assert told(jumps(pcf([0, 0, 0, 0, MANY], [2, 2, 2, 2, 2]))) == [("zero", [4])]
    both = told(jumps(pcf([0, 0, 0, 0, MANY], [2, 2, 2, 2, 1])))
    assert both == [("zero", [4]), ("zero", [4])]  # the source, and the total that follows from it


def test_a_feature_of_an_excused_column_is_excused_by_the_shares_of_its_source() -> None:
    feature = [
        Share("ML", "playoff_game", FIRST + timedelta(days=n), MANY, 0, MANY * (n == 4), 2)
        for n in range(5)
    ]
    assert told(jumps(feature)) == []


def test_a_total_that_is_null_is_a_jump() -> None:
    lost = [s._replace(nulls=MANY) if s.column[:5] == "total" and s.date == FIRST + timedelta(days=4) else s
            for s in pcf([0] * 5, [1] * 5)]  # fmt: skip
    assert told(jumps(lost)) == [("NULL", [4])]


# Values that a team or a date shares


@pytest.mark.parametrize(("teams", "zeros", "jump"), [(4, 100, False), (4, 200, True), (20, 200, True), (20, 90, False)])  # fmt: skip
def test_what_a_team_shares_counts_once_per_team(teams: int, zeros: int, jump: bool) -> None:
    days = [0, 0, 0, 0, zeros]
    found = [
        s._replace(teams=teams) for s in shares(*days, what=ZERO, name="UPGC.pace_differential")
    ]
    assert bool(told(jumps(found))) is jump


def test_what_all_rows_of_a_date_share_counts_once_per_date() -> None:
    equal = [
        s._replace(distinct=1) for s in shares(0, 0, 0, 0, 200, what=ZERO, name="PCF.pace_score")
    ]
    assert told(jumps(equal)) == []
    assert told(jumps(shares(0, 0, 0, 0, 200, what=ZERO, name="PCF.pace_score"))) == [("zero", [4])]
