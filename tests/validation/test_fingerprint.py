from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.fingerprint import fingerprint, normalised

IMPOSSIBLE = "impossible value in nba_analytics.player_game_summary, game_id {}: {} = {} > paint_attempts = {}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            IMPOSSIBLE.format("0022100211", "paint_makes", 31, 28),
            "impossible value in nba_analytics.player_game_summary, game_id <n>: paint_makes = <n> > paint_attempts = <n>",
        ),
        ("usage_rate = -3.25", "usage_rate = <n>"),
        ("1,234 of 24,895 rows, 99.5 %, 1e-9", "<n> of <n> rows, <n> %, <n>"),
        ("population: x.y: no row for 2021-11-04", "population: x.y: no row for <date>"),
        ("since 2021-11-04T10:00:00.5+00:00 or 2021-11-04 10:00", "since <date> or <date>"),
        (
            "CorruptPartition: /tmp/a-b/x/season_year=2021/part.parquet is not a whole Parquet file",
            "CorruptPartition: <path> is not a whole Parquet file",
        ),
        (
            "column 'a b' and \"c\" and `d`, the player's own",
            "column <value> and <value> and <value>, the player's own",
        ),
        ("run 0123abcd at 0x7f3a, 123e4567-e89b-12d3-a456-426614174000", "run <id> at <id>, <id>"),
        ("three_pt_2 of W10 in column x1", "three_pt_2 of W10 in column x1"),
        ("  two\n lines ", "two lines"),
        ("deadbeef facade", "deadbeef facade"),
        ("", ""),
    ],
)
def test_what_differs_from_date_to_date_is_left_out(text: str, expected: str) -> None:
    assert normalised(text) == expected


def test_the_same_error_on_other_dates_has_the_same_name() -> None:
    texts = [IMPOSSIBLE.format(f"00221{n:05}", "paint_makes", n + 9, n) for n in range(50)]
    assert {fingerprint("PSZA", "PROCESSING_ERROR", text) for text in texts} == {"56fff68f"}


def test_another_column_processor_or_category_is_another_group() -> None:
    text = IMPOSSIBLE.format("1", "paint_makes", 9, 8)
    other = IMPOSSIBLE.format("1", "fg_makes", 9, 8)
    same = ("PSZA", "PROCESSING_ERROR", text)
    others = [("PDC", *same[1:]), ("PSZA", "UNKNOWN", text), ("PSZA", "PROCESSING_ERROR", other)]
    assert fingerprint(*same) not in {fingerprint(*each) for each in others}
    assert len({fingerprint(*each) for each in others}) == 3


@given(st.text())
def test_any_text_has_a_name_of_eight_hexadecimal_characters(text: str) -> None:
    assert re.fullmatch("[0-9a-f]{8}", fingerprint("PSZA", "x", text))
