from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import Refused
from backfill.plan.date_lists import MOST_DATES, format_dates, parse_dates, without
from validation.season import dates_between

FIRST = date(2021, 11, 1)
WRITE = "write dates as 2021-11-22, and ranges as 2021-11-01..2021-11-30"


def days(*numbers: int) -> tuple[date, ...]:
    return tuple(date(2021, 11, n) for n in numbers)


@pytest.mark.parametrize(
    "text",
    [
        "2021-11-01..2021-11-03 2021-11-09",
        "2021-11-01 to 2021-11-03, 2021-11-09",
        "2021-11-01 TO 2021-11-03;2021-11-09;",
        "2021-11-09\n2021-11-01 - 2021-11-03\n",
        "2021-11-01 \u2013 2021-11-03,,2021-11-09",
        "2021-11-01 .. 2021-11-03\t2021-11-09",
        " 2021-11-03,2021-11-02,2021-11-01,2021-11-02,2021-11-09 ",
    ],
)
def test_what_people_paste_is_read(text: str) -> None:
    assert parse_dates(text) == days(1, 2, 3, 9)


def test_no_text_has_no_dates() -> None:
    assert parse_dates("") == parse_dates(" ,;\n") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2021-11-1", f"'2021-11-1' is not a date; {WRITE}"),
        ("2021-11-01, tomorrow", f"'tomorrow' is not a date; {WRITE}"),
        ("2021-11-31", "'2021-11-31' is not a calendar date; check the day and month"),
        (
            "2021-11-01..2021-11-31",
            "'2021-11-31' in '2021-11-01..2021-11-31' is not a calendar date; check the day and month",
        ),
        (
            "2021-11-05 to 2021-11-01",
            "'2021-11-05..2021-11-01' ends before it starts; write the earlier date first",
        ),
        ("2021-11-05..", f"'2021-11-05..' is missing a date; {WRITE}"),
        ("2021-11-01..x", f"'x' in '2021-11-01..x' is not a date; {WRITE}"),
        (
            "2021-11-01..2021-11-02..2021-11-03",
            "'2021-11-01..2021-11-02..2021-11-03' is not a range; write its first and last date, "
            "for example 2021-11-01..2021-11-30",
        ),
        ("0001-01-01..9999-12-31", "a list can have at most 7,320 dates; start several jobs"),
        (
            "1990-01-01..2005-01-01 2006-01-01..2015-01-01",
            "a list can have at most 7,320 dates; start several jobs",
        ),
        ("\u0662021-11-01", f"'\u0662021-11-01' is not a date; {WRITE}"),
    ],
)
def test_a_mistake_names_the_piece_of_text(text: str, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_dates(text)
    assert str(refused.value) == sentence


def test_the_most_dates_are_as_many_as_a_backfill_may_have() -> None:
    assert len(parse_dates(f"{FIRST}..{FIRST + timedelta(days=MOST_DATES - 1)}")) == MOST_DATES


def test_days_that_follow_each_other_are_written_as_a_range() -> None:
    assert format_dates(days(9, 1, 2, 3, 5)) == "2021-11-01..2021-11-03, 2021-11-05, 2021-11-09"
    assert format_dates(()) == ""
    assert format_dates([date(2021, 12, 31), date(2022, 1, 1)]) == "2021-12-31..2022-01-01"


@given(numbers=st.sets(st.integers(0, 400)))
def test_dates_read_back_as_they_were_written(numbers: set[int]) -> None:
    dates = tuple(sorted(FIRST + timedelta(days=n) for n in numbers))
    assert parse_dates(format_dates(dates)) == dates


def test_dates_are_taken_out() -> None:
    assert without(days(1, 2, 3), days(2, 9)) == days(1, 3)
    assert without(dates_between(FIRST, FIRST), ()) == (FIRST,)


@pytest.mark.parametrize(
    ("excluded", "sentence"),
    [
        ((1, 2, 3, 4), "all dates are excluded; exclude fewer dates"),
        (
            (8, 9),
            "no excluded date is in the range: 2021-11-08..2021-11-09; change the excluded dates",
        ),
    ],
)
def test_taking_out_all_or_nothing_is_refused(excluded: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        without(days(1, 2, 3), days(*excluded))
    assert str(refused.value) == sentence
