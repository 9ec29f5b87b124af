from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validation import bands
from validation.bands import (
    HISTORY_DAYS,
    MIN_ENTITIES,
    RUNBOOK,
    Band,
    BandPosition,
    Rate,
    RateHistory,
)
from validation.processor_rules import CODES
from validation.thresholds import percent

INSIDE, ABOVE, BELOW, NO_BAND = BandPosition
DAY = 32
WEEK_5 = Band(
    first_day=29, last_day=35, low=0.30, high=0.40, source="runbook", because="some lack ten games"
)


def make_rate(season: int, index: int = DAY, failed: int = 10, population: int = 50) -> Rate:
    return Rate(season=season, index=index, failed=failed, population=population)


def edges(found: Band | None) -> tuple[float, float] | None:
    return found and (round(found.low, 4), round(found.high, 4))


# The runbook's table


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (-1, None),
        *((k, (0.90, 1.00)) for k in (0, 14)),
        *((k, (0.60, 0.75)) for k in (15, 21)),
        *((k, (0.40, 0.50)) for k in (22, 28)),
        *((k, (0.30, 0.40)) for k in (29, 35)),
        *((k, (0.25, 0.30)) for k in (36, 59)),
        *((k, (0.15, 0.20)) for k in (60, 240)),
    ],
)
def test_every_row_holds_from_its_first_day_to_its_last(
    index: int, expected: tuple[float, float] | None
) -> None:
    assert edges(bands.band("PSZA", index)) == expected


def test_where_two_rows_hold_a_day_the_later_one_wins() -> None:
    assert [row.low for row in RUNBOOK["PSZA"] if row.holds(60)] == [0.25, 0.15]
    assert bands.band("PSZA", 60) == RUNBOOK["PSZA"][-1]


def test_every_row_says_why_and_that_it_is_of_the_runbook() -> None:
    assert [
        row
        for row in RUNBOOK["PSZA"]
        if not row.because or row.source != "runbook" or row.low >= row.high
    ] == []


@pytest.mark.parametrize("processor", [*(code for code in CODES if code != "PSZA"), "nobody"])
def test_the_runbook_has_bands_of_psza_alone(processor: str) -> None:
    assert bands.band(processor, DAY) is None


def test_a_band_reads_as_its_two_edges() -> None:
    assert [str(row) for row in RUNBOOK["PSZA"]] == [
        "90–100 %",
        "60–75 %",
        "40–50 %",
        "30–40 %",
        "25–30 %",
        "15–20 %",
    ]
    assert (
        str(Band(first_day=1, last_day=2, low=0.11243, high=0.33036, source="history", because=""))
        == "11.2–33 %"
    )


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.0, "0 %"), (0.461874, "46.2 %"), (0.5, "50 %"), (0.9996, "100 %")]
)
def test_a_fraction_is_read_to_a_tenth_of_a_point(fraction: float, text: str) -> None:
    assert percent(fraction) == text


# The pipeline's history


@pytest.mark.parametrize(
    ("failed", "population", "expected"),
    [
        (10, 50, (0.1124, 0.3304)),
        (212, 459, (0.4168, 0.5076)),
        (0, 20, (0.0, 0.1611)),
        (20, 20, (0.8389, 1.0)),
    ],
)
def test_one_other_season_gives_its_wilson_interval(
    failed: int, population: int, expected: tuple[float, float]
) -> None:
    found = RateHistory([make_rate(2021, failed=failed, population=population)]).band(2022, DAY)
    assert edges(found) == expected


def test_a_rate_of_none_or_all_lies_inside_its_own_interval() -> None:
    for population in range(MIN_ENTITIES, 700, 7):
        found = [
            RateHistory([make_rate(2021, DAY, failed, population)]).band(2022, DAY)
            for failed in (0, population)
        ]
        assert [band and (band.low == 0, band.high == 1) for band in found] == [
            (True, False),
            (False, True),
        ]


def test_several_seasons_span_from_their_lowest_to_their_highest() -> None:
    rates = [
        make_rate(2020),
        make_rate(2021, failed=212, population=459),
        make_rate(2023, failed=0, population=100),
    ]
    found = RateHistory(rates).band(2022, DAY)
    assert edges(found) == (0.0, 0.5076)
    assert found is not None
    assert (found.first_day, found.last_day, found.source) == (29, 35, "history")
    numbers = (
        "20 % (10 of 50) in 2020-21, 46.2 % (212 of 459) in 2021-22, 0 % (0 of 100) in 2023-24"
    )
    assert found.because == f"days 29 to 35 in other seasons: {numbers}"


def test_a_season_does_not_judge_itself() -> None:
    rates = [make_rate(2021), make_rate(2022, failed=50)]
    assert edges(RateHistory(rates).band(2022, DAY)) == (0.1124, 0.3304)
    assert RateHistory([make_rate(2022)]).band(2022, DAY) is None


def test_the_days_around_are_pooled_and_no_others() -> None:
    around = [make_rate(2021, DAY + n, failed=2, population=10) for n in (-3, -1, 0, 2, 3)]
    beyond = [make_rate(2021, DAY + n, failed=1_000, population=1_000) for n in (-4, 4)]
    assert HISTORY_DAYS == 3
    assert edges(RateHistory(around + beyond).band(2022, DAY)) == (0.1124, 0.3304)


def test_a_season_of_too_few_entities_is_left_out() -> None:
    few = make_rate(2020, failed=MIN_ENTITIES - 1, population=MIN_ENTITIES - 1)
    assert RateHistory([few]).band(2022, DAY) is None
    assert edges(RateHistory([few, make_rate(2021)]).band(2022, DAY)) == (0.1124, 0.3304)
    enough = [few, make_rate(2020, DAY + 1, failed=1, population=1)]
    assert edges(RateHistory(enough).band(2022, DAY)) == (0.8389, 1.0)


def test_without_rates_or_entities_there_is_no_band() -> None:
    assert RateHistory([]).band(2022, DAY) is None
    assert RateHistory([make_rate(2021, failed=0, population=0)]).band(2022, DAY) is None


@settings(deadline=None)
@given(
    st.lists(
        st.integers(0, 600).flatmap(
            lambda n: st.builds(
                Rate,
                season=st.integers(2018, 2022),
                index=st.integers(25, 40),
                failed=st.integers(0, n),
                population=st.just(n),
            )
        ),
        max_size=30,
    )
)
def test_every_pooled_season_lies_inside_the_band(rates: list[Rate]) -> None:
    near = [r for r in rates if abs(r.index - DAY) <= HISTORY_DAYS and r.season != 2022]
    seasons = [[r for r in near if r.season == year] for year in range(2018, 2022)]
    pools = [
        (sum(r.failed for r in season), sum(r.population for r in season)) for season in seasons
    ]
    pooled = [failed / population for failed, population in pools if population >= MIN_ENTITIES]
    found = RateHistory(rates).band(2022, DAY)
    assert found == RateHistory(reversed(rates)).band(2022, DAY)
    assert (found is None) == (not pooled)
    assert found is None or all(0 <= found.low <= rate <= found.high <= 1 for rate in pooled)


# Results


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (299, BELOW),
        (300, INSIDE),
        (350, INSIDE),
        (400, INSIDE),
        (401, ABOVE),
        (0, BELOW),
        (1_000, ABOVE),
    ],
)
def test_the_edges_of_a_band_are_inside(failed: int, expected: BandPosition) -> None:
    assert bands.verdict(failed, 1_000, WEEK_5) is expected


def test_a_rate_that_reads_as_the_edge_is_inside() -> None:
    assert percent(239 / 597) == "40 %"
    assert bands.verdict(239, 597, WEEK_5) is INSIDE


def test_few_entities_or_no_band_tell_nothing() -> None:
    assert bands.verdict(MIN_ENTITIES - 1, MIN_ENTITIES - 1, WEEK_5) is NO_BAND
    assert bands.verdict(MIN_ENTITIES, MIN_ENTITIES, WEEK_5) is ABOVE
    assert bands.verdict(0, 0, WEEK_5) is NO_BAND
    assert bands.verdict(212, 459, None) is NO_BAND


# Readings


@pytest.mark.parametrize(
    ("arguments", "expected", "text"),
    [
        (
            (212, 459, WEEK_5, 0),
            ABOVE,
            "46.2 % (212 of 459), above the runbook's band 30–40 %; 212 failures, all expected",
        ),
        (
            (28, 459, WEEK_5, 0),
            BELOW,
            "6.1 % (28 of 459), below the runbook's band 30–40 %, fewer failures than usual; 28 failures, all expected",
        ),
        (
            (0, 459, WEEK_5, 0),
            BELOW,
            "0 % (0 of 459), below the runbook's band 30–40 %, fewer failures than usual; no failures",
        ),
        (
            (1_400, 4_000, WEEK_5, 0),
            INSIDE,
            "35 % (1,400 of 4,000), inside the runbook's band 30–40 %; 1,400 failures, all expected",
        ),
        (
            (4, 12, WEEK_5, 0),
            NO_BAND,
            "33.3 % (4 of 12), no band: fewer than 20 entities; 4 failures, all expected",
        ),
        (
            (212, 459, None, 0),
            NO_BAND,
            "46.2 % (212 of 459), no band for this day; 212 failures, all expected",
        ),
        (
            (0, 0, None, 0),
            NO_BAND,
            "no rate, no band: fewer than 20 entities; no failures",
        ),
    ],
)
def test_a_rate_whose_failures_are_all_explained_is_a_note(
    arguments: Any, expected: BandPosition, text: str
) -> None:
    found = bands.reading(*arguments)
    assert (found.verdict, found.unexplained, found.text) == (expected, 0, text)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            (212, 459, WEEK_5, 12),
            "46.2 % (212 of 459), above the runbook's band 30–40 %; 12 unexpected failures",
        ),
        (
            (28, 459, WEEK_5, 1),
            "6.1 % (28 of 459), below the runbook's band 30–40 %, fewer failures than usual; 1 unexpected failure",
        ),
        (
            (160, 459, WEEK_5, 1),
            "34.9 % (160 of 459), inside the runbook's band 30–40 %; 1 unexpected failure",
        ),
        (
            (4, 12, WEEK_5, 2),
            "33.3 % (4 of 12), no band: fewer than 20 entities; 2 unexpected failures",
        ),
        (
            (4_000, 9_000, None, 1_200),
            "44.4 % (4,000 of 9,000), no band for this day; 1,200 unexpected failures",
        ),
    ],
)
def test_an_unexplained_failure_is_stated_whatever_the_band_says(arguments: Any, text: str) -> None:
    found = bands.reading(*arguments)
    assert (found.unexplained, found.text) == (arguments[-1], text)


def test_a_reading_keeps_what_it_was_made_from() -> None:
    found = bands.reading(10, 40, WEEK_5, 0)
    assert (found.rate, found.band, found.unexplained) == (0.25, WEEK_5, 0)
    assert bands.reading(0, 0, WEEK_5, 0).rate is None


# Expected bands and red flags


def test_the_expected_band_is_the_expectation_with_its_tolerance() -> None:
    assert [edges(bands.expected_band(rate, DAY)) for rate in (0.0, 0.25, 1.0)] == [
        (0.0, 0.01),
        (0.24, 0.26),
        (0.99, 1.0),
    ]
    assert bands.reading(70, 200, bands.expected_band(0.35, DAY), 0).text == (
        "35 % (70 of 200), inside the expected range 34–36 %; 70 failures, all expected"
    )


@pytest.mark.parametrize(
    ("index", "few", "other", "expected"),
    [
        (42, 31, 0, ()),
        (43, 30, 0, ()),
        (43, 30, 1, (bands.HIGH_RATE,)),
        (60, 20, 0, ()),
        (60, 21, 0, (bands.MID_SEASON_RATE,)),
        (60, 20, 10, ()),
        (60, 21, 10, (bands.HIGH_RATE, bands.MID_SEASON_RATE)),
    ],
)
def test_the_red_flags_of_the_runbook_are_met_whatever_was_expected(
    index: int, few: int, other: int, expected: tuple[str, ...]
) -> None:
    failures = {"INSUFFICIENT_DATA": few, "MISSING_DEPENDENCY": other}
    assert bands.red_flags(index, failures, 100) == expected
    assert bands.red_flags(index, failures, MIN_ENTITIES - 1) == ()


def test_the_red_flags_read_as_in_the_runbook() -> None:
    assert (bands.HIGH_RATE, bands.MID_SEASON_RATE) == (
        "above 30 % after week 6",
        "above 20 % in mid-season",
    )
