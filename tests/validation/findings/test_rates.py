from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from validation.bands import Band, Reading, band, reading
from validation.expectation import FEW, MISSING
from validation.findings import kinds
from validation.findings.kinds import FindingDraft, FindingKind, Severity
from validation.findings.rates import Rated, flags, out_of_band, pooled
from validation.processor_rules import PSZA
from validation.season import DateType, Day

START = date(2021, 10, 19)
EARLY = 16  # before every flag except those on a change


def day(index: int) -> date:
    return START + timedelta(days=index)


def rated(
    index: int,
    failed: int = 0,
    population: int = 100,
    unexplained: int = 0,
    category: str = MISSING,
) -> Rated:
    """Make a date with so many failures in a population."""
    failures = {category: failed} if failed else {}
    return Rated(
        processor=PSZA,
        day=Day(day=day(index), type=DateType.REGULAR, index=index, games=5),
        rows=population - failed,
        failures=failures,
        unexplained=unexplained,
    )


def course(
    *failed: int, population: int = 100, first: int = EARLY, last_unexplained: int = 0
) -> list[Rated]:
    """Make consecutive dates."""
    season = [rated(first + n, found, population) for n, found in enumerate(failed)]
    return [*season[:-1], rated(first + len(failed) - 1, failed[-1], population, last_unexplained)]


def flagged(season: Sequence[Rated]) -> list[tuple[FindingKind, tuple[int, ...]]]:
    """Return the raised flags with their days of the season."""
    return [(found.kind, tuple((d - START).days for d in found.dates)) for found in flags(season)]


# Rates


def test_a_rate_is_failed_of_all_and_0_where_there_is_nobody() -> None:
    mixed = Rated(
        processor=PSZA,
        day=Day(day=START, type=DateType.REGULAR, index=0, games=5),
        rows=30,
        failures={FEW: 8, MISSING: 2},
    )
    assert (mixed.failed, mixed.population, mixed.rate) == (10, 40, 0.25)
    nobody = rated(EARLY, 0, 0)
    assert (nobody.failed, nobody.population, nobody.rate) == (0, 0, 0.0)


def test_pooled_dates_weigh_as_many_as_their_entities() -> None:
    assert pooled([rated(1, 10, 20), rated(2, 10, 180), rated(3, 0, 0)]) == (20, 200)
    assert pooled([]) == (0, 0)


def test_a_season_without_dates_has_no_flags() -> None:
    assert list(flags([])) == []


# Over 30 % after week 6


@pytest.mark.parametrize(
    ("index", "failed", "fires"),
    [(43, 31, True), (43, 30, False), (42, 31, False), (42, 100, False)],
)
def test_a_rate_is_high_above_30_percent_and_after_day_42(
    index: int, failed: int, fires: bool
) -> None:
    assert flagged([rated(index, failed)]) == ([(kinds.HIGH_RATE, (index,))] if fires else [])


def test_a_high_rate_says_how_high_when_and_that_it_is_explained() -> None:
    (found,) = flags([rated(50, 31), rated(51, 30), rated(52, 70, 200)])
    assert found == FindingDraft(
        kind=kinds.HIGH_RATE,
        season=2021,
        subject="PSZA explained",
        sentence="PSZA: failure rate over 30 % after week 6 (2021-12-08, 2021-12-10); "
        "peak 35 % (70 of 200, 2021-12-10); "
        "101 failures, all expected",
        dates=(day(50), day(52)),
        processors=(PSZA,),
        count=101,
        severity=Severity.NOTE,
        cause="too few games, or an expected failure upstream",
        numbers={"failed": 101, "population": 300, "unexplained": 0, "worst rate": 0.35},
    )
    assert found.weight is Severity.NOTE


def test_a_high_rate_with_unexplained_failures_is_a_warning() -> None:
    (found,) = flags([rated(50, 1_100, 2_000, unexplained=1_001)])
    assert found == FindingDraft(
        kind=kinds.HIGH_RATE,
        season=2021,
        subject="PSZA unexplained",
        sentence="PSZA: failure rate over 30 % after week 6 (2021-12-08); "
        "peak 55 % (1,100 of 2,000, 2021-12-08); "
        "1,100 failures, 1,001 unexpected",
        dates=(day(50),),
        processors=(PSZA,),
        count=1_100,
        numbers={"failed": 1_100, "population": 2_000, "unexplained": 1_001, "worst rate": 0.55},
    )
    assert found.weight is Severity.WARNING


def test_explained_and_unexplained_dates_are_two_findings() -> None:
    found = list(
        flags(
            [
                rated(50, 31),
                rated(51, 40, unexplained=1),
                rated(52, 32),
                rated(53, 50, unexplained=2),
            ]
        )
    )
    assert [(f.kind, f.subject, f.dates, f.count, f.weight) for f in found] == [
        (kinds.HIGH_RATE, "PSZA unexplained", (day(51), day(53)), 90, Severity.WARNING),
        (kinds.HIGH_RATE, "PSZA explained", (day(50), day(52)), 63, Severity.NOTE),
    ]


# Too few games in mid-season


@pytest.mark.parametrize(
    ("index", "failed", "category", "fires"),
    [(60, 21, FEW, True), (60, 20, FEW, False), (59, 21, FEW, False), (60, 29, MISSING, False)],
)
def test_in_mid_season_over_20_percent_with_too_few_games_are_many(
    index: int, failed: int, category: str, fires: bool
) -> None:
    assert flagged([rated(index, failed, category=category)]) == (
        [(kinds.MID_SEASON, (index,))] if fires else []
    )


def test_in_mid_season_only_too_few_games_count_towards_the_20_percent() -> None:
    mixed = Rated(
        processor=PSZA,
        day=Day(day=day(60), type=DateType.REGULAR, index=60, games=5),
        rows=75,
        failures={FEW: 15, MISSING: 10},
    )
    assert flagged([mixed]) == []


def test_a_date_may_have_several_flags() -> None:
    assert flagged([rated(60, 31, category=FEW)]) == [
        (kinds.HIGH_RATE, (60,)),
        (kinds.MID_SEASON, (60,)),
    ]


# Sudden rises

RISE = [(kinds.SUDDEN_RISE, (EARLY + 7,))]


@pytest.mark.parametrize(("failed", "fires"), [(299, False), (301, True)])
def test_a_rise_is_ten_points_above_the_seven_dates_before(failed: int, fires: bool) -> None:
    assert flagged(course(*[200] * 7, failed, population=1_000)) == (RISE if fires else [])


@pytest.mark.parametrize(("failed", "fires"), [(9, False), (10, True)])
def test_a_rise_is_ten_entities_more_than_implied(failed: int, fires: bool) -> None:
    assert flagged(course(*[0] * 7, failed, population=25)) == (RISE if fires else [])


@pytest.mark.parametrize(("failed", "fires"), [(70, False), (71, True)])
def test_a_rise_is_more_than_chance_makes(failed: int, fires: bool) -> None:
    """With 50 of 100 failing anyway, twenty points are less than four standard deviations."""
    assert flagged(course(*[50] * 7, failed)) == (RISE if fires else [])


def test_a_date_whose_input_was_lost_is_a_sudden_rise() -> None:
    """A third of the players of a usual night fail, where one in ten did before."""
    assert flagged(course(*[20, 24, 18, 22, 19, 25, 21], 70, population=210)) == RISE


def test_slates_of_other_sizes_and_returns_after_a_pause_are_no_sudden_rise() -> None:
    """Nights of 2 to 14 games in a healthy season, then the first nights after a pause, with some
    new players.
    """
    healthy = [(4, 42), (28, 290), (10, 126), (22, 250), (3, 40), (16, 170), (25, 280)]
    after = [(6, 44), (38, 290), (8, 60), (2, 25)]
    season = [rated(EARLY + n, *night) for n, night in enumerate([*healthy, *after])]
    assert flagged(season) == []


def test_a_fall_is_no_rise() -> None:
    assert flagged(course(*[90] * 7, 0)) == []


def test_a_rise_needs_seven_dates_before_it() -> None:
    assert flagged(course(*[0] * 6, 80)) == []


def test_the_seven_dates_are_those_just_before() -> None:
    assert flagged(course(80, *[0] * 7, 50)) == [(kinds.SUDDEN_RISE, (EARLY + 8,))]
    assert flagged(course(0, *[50] * 7, 55)) == []


def test_a_date_that_stays_high_rises_until_the_dates_before_it_have_followed() -> None:
    assert flagged(course(*[0] * 7, *[40] * 6)) == [
        (kinds.SUDDEN_RISE, tuple(EARLY + n for n in range(7, 11)))
    ]


def test_a_small_slate_neither_rises_nor_is_among_the_dates_before() -> None:
    assert flagged([*course(*[0] * 7), rated(EARLY + 7, 19, 19)]) == []
    slate = rated(EARLY + 7, 19, 19)
    assert flagged([*course(*[0] * 7), slate, rated(EARLY + 8, 60)]) == [
        (kinds.SUDDEN_RISE, (EARLY + 8,))
    ]
    assert flagged([*course(*[0] * 6), slate, rated(EARLY + 8, 60)]) == []


def test_a_small_slate_is_never_high_or_lacking() -> None:
    assert flagged([rated(70, 19, 19, category=FEW)]) == []
    assert flagged([rated(70, 20, 20, category=FEW)]) == [
        (kinds.HIGH_RATE, (70,)),
        (kinds.MID_SEASON, (70,)),
    ]


def test_a_rise_with_unexplained_failures_is_a_warning_with_its_numbers() -> None:
    (found,) = flags(course(*[10] * 7, 45, last_unexplained=35))
    assert found == FindingDraft(
        kind=kinds.SUDDEN_RISE,
        season=2021,
        subject="PSZA unexplained",
        sentence="PSZA: failure rate far above the seven dates before (2021-11-11); "
        "peak 45 % (45 of 100, 2021-11-11); "
        "45 failures, 35 unexpected",
        dates=(day(EARLY + 7),),
        processors=(PSZA,),
        count=45,
        cause="no Phase 3 rows of these dates are missing; check their values",
        numbers={"failed": 45, "population": 100, "unexplained": 35, "worst rate": 0.45},
    )


def test_a_rise_names_what_its_date_lacks_of_phase_3() -> None:
    season = course(*[10] * 7, 45, last_unexplained=35)
    (found,) = flags(season, {day(EARLY + 7): "half of the rows"})
    assert found.cause == "half of the rows"


# Odd dates

ODD = [(kinds.ODD_DATE, (EARLY + 3,))]


@pytest.mark.parametrize(("failed", "fires"), [(34, False), (36, True), (100, True)])
def test_a_date_is_odd_25_points_above_its_neighbors(failed: int, fires: bool) -> None:
    assert flagged(course(*[10] * 3, failed, *[10] * 3)) == (ODD if fires else [])


@pytest.mark.parametrize(("failed", "fires"), [(66, False), (64, True), (0, True)])
def test_a_date_is_odd_25_points_below_its_neighbors_too(failed: int, fires: bool) -> None:
    assert flagged(course(*[90] * 3, failed, *[90] * 3)) == (ODD if fires else [])


@pytest.mark.parametrize(("failed", "fires"), [(19, False), (20, True), (1, False), (0, True)])
def test_a_date_is_odd_only_where_chance_does_not_make_it_so(failed: int, fires: bool) -> None:
    assert flagged(course(*[10] * 3, failed, *[10] * 3, population=20)) == (ODD if fires else [])


@pytest.mark.parametrize(("neighbor", "fires"), [(21, True), (23, False)])
def test_a_date_is_odd_only_among_neighbors_that_agree(neighbor: int, fires: bool) -> None:
    assert flagged(course(10, 10, neighbor, 90, 10, 10, 10)) == (ODD if fires else [])


def test_a_date_is_odd_only_with_three_neighbors_on_either_side() -> None:
    assert flagged(course(10, 10, 90, 10, 10, 10)) == flagged(course(10, 10, 10, 90, 10, 10)) == []


def test_an_odd_date_is_not_told_as_a_rise_as_well() -> None:
    assert flagged(course(*[10] * 7, 60, *[10] * 3)) == [(kinds.ODD_DATE, (EARLY + 7,))]
    assert flagged(course(*[10] * 7, 60, *[10] * 2)) == [(kinds.SUDDEN_RISE, (EARLY + 7,))]


def test_an_odd_date_in_mid_season_is_high_besides() -> None:
    season = course(*[10] * 3, 60, *[10] * 3, first=60)
    assert flagged(season) == [(kinds.ODD_DATE, (63,)), (kinds.HIGH_RATE, (63,))]


def test_odd_dates_of_which_one_is_explained_are_two_findings() -> None:
    season = [
        *course(*[10] * 3, 60),
        *course(*[10] * 6, first=EARLY + 4),
        rated(EARLY + 10, 70, unexplained=3),
    ]
    season += course(*[10] * 3, first=EARLY + 11)
    assert [(f.kind, f.dates, f.weight, f.numbers["unexplained"]) for f in flags(season)] == [
        (kinds.ODD_DATE, (day(EARLY + 10),), Severity.WARNING, 3),
        (kinds.ODD_DATE, (day(EARLY + 3),), Severity.NOTE, 0),
    ]


# Outside the band


def read(
    index: int, failed: int, population: int = 100, unexplained: int = 0
) -> tuple[Rated, Reading]:
    """Read a date's rate against the runbook's band."""
    found = rated(index, failed, population, unexplained)
    return found, reading(failed, population, band(PSZA, index), unexplained)


def test_explained_rates_outside_a_band_are_one_note() -> None:
    (found,) = out_of_band([read(29, 41), read(30, 35), read(31, 94, 200), read(35, 44)])
    assert found == FindingDraft(
        kind=kinds.OUT_OF_BAND,
        season=2021,
        subject="PSZA above the runbook's band 30-40 %",
        sentence="PSZA: 41 % to 47 % failed on 3 dates, above the runbook's band 30–40 % "
        "(2021-11-17, 2021-11-19, 2021-11-23); 179 failures, all expected",
        dates=(day(29), day(31), day(35)),
        processors=(PSZA,),
        count=179,
        numbers={"failed": 179, "population": 400},
    )
    assert found.weight is Severity.NOTE


def test_above_and_below_and_every_band_are_notes_of_their_own() -> None:
    season = [read(15, 80), read(16, 50), read(22, 55), read(29, 45), read(30, 20), read(31, 10)]
    assert [(f.subject, f.dates) for f in out_of_band(season)] == [
        ("PSZA above the runbook's band 60-75 %", (day(15),)),
        ("PSZA below the runbook's band 60-75 %", (day(16),)),
        ("PSZA above the runbook's band 40-50 %", (day(22),)),
        ("PSZA above the runbook's band 30-40 %", (day(29),)),
        ("PSZA below the runbook's band 30-40 %", (day(30), day(31))),
    ]


def of_history(index: int, failed: int, code: str = PSZA) -> tuple[Rated, Reading]:
    """Read a date's rate against the history of other seasons, whose band varies by day."""
    usual = Band(
        first_day=index - 3,
        last_day=index + 3,
        low=0.1 + index / 1_000,
        high=0.2 + index / 1_000,
        source="history",
        because="",
    )
    return Rated(
        processor=code,
        day=Day(day=day(index), type=DateType.REGULAR, index=index),
        rows=100 - failed,
        failures={FEW: failed},
    ), reading(failed, 100, usual, 0)


def test_all_that_lies_above_the_other_seasons_is_one_note_though_their_band_differs_from_day_to_day() -> (
    None
):
    season = [of_history(20, 40), of_history(21, 41), of_history(22, 5)]
    assert [(f.subject, f.dates, f.count) for f in out_of_band(season)] == [
        ("PSZA above the band of the other seasons", (day(20), day(21)), 81),
        ("PSZA below the band of the other seasons", (day(22),), 5),
    ]


def test_a_date_may_lie_above_both_bands() -> None:
    found = out_of_band([read(29, 60), of_history(29, 60)])
    subjects = ["PSZA above the runbook's band 30-40 %", "PSZA above the band of the other seasons"]
    assert [(f.subject, f.dates) for f in found] == [(subject, (day(29),)) for subject in subjects]


def test_processors_have_notes_of_their_own() -> None:
    found = out_of_band([of_history(20, 40, "PDC"), of_history(20, 40, "ML")])
    assert [(f.subject, f.processors) for f in found] == [
        ("PDC above the band of the other seasons", ("PDC",)),
        ("ML above the band of the other seasons", ("ML",)),
    ]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (read(29, 40), "the edge is inside"),
        (read(29, 41, unexplained=1), "what is unexplained is a problem, told elsewhere"),
        (read(29, 19, 19), "too few entities"),
        ((rated(29, 90), reading(90, 100, None, 0)), "no band"),
    ],
    ids=["the edge", "unexplained", "too few", "no band"],
)
def test_no_note_is_made_of(found: tuple[Rated, Reading], reason: str) -> None:
    assert list(out_of_band([found])) == [], reason
