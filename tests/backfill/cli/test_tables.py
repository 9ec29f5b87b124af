"""Tables for the shell."""

from __future__ import annotations

from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from backfill.cli import tables

CELLS = st.none() | st.booleans() | st.integers() | st.floats(-1e6, 1e6) | st.text("ab-[]{}\\:/ ")
ROWS = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True).flatmap(
    lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, CELLS)), min_size=1)
)


@given(rows=ROWS)
def test_a_plain_table_is_laid_out_like_any_other(rows: list[dict[str, Any]]) -> None:
    rows = [{name: row[name] for name in rows[0]} for row in rows]  # in one order
    plain = tables.table(rows)
    with mock.patch.object(tables, "_is_plain", return_value=False):
        assert tables.table(rows) == plain


def test_wide_characters_stay_aligned() -> None:
    found = tables.table([{"a": "日本", "b": 1}, {"a": "ab", "b": 20}])
    assert found.splitlines()[1:] == ["日本   1", "ab    20"]
