from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.season import (
    BOOTSTRAP_DAYS,
    Calendar,
    DateType,
    Day,
    Game,
    SeasonDates,
    dates_between,
    opened_season_year,
    usual_season_year,
)

OPENING = date(2021, 10, 19)
BEFORE = OPENING - timedelta(days=1)


def on(k: int) -> date:
    return OPENING + timedelta(days=k)


def make_calendar(*games: Game) -> Calendar:
    """Make an opened season with these games."""
    return Calendar([Game(game_date=OPENING, season_year=2021), *games])


def make_game(k: int, **overrides: object) -> Game:
    return Game(game_date=on(k), season_year=2021, **overrides)  # type: ignore[arg-type]


# Seasons


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2021, 9, 30), 2020),
        (date(2021, 10, 1), 2021),
        (date(2021, 12, 31), 2021),
        (date(2022, 1, 1), 2021),
        (date(2022, 6, 30), 2021),
        (date(2022, 9, 30), 2021),
        (date(2022, 10, 1), 2022),
    ],
)
def test_a_season_belongs_to_the_year_in_which_its_october_lies(day: date, year: int) -> None:
    assert usual_season_year(day) == year


def test_opening_night_is_the_first_final_regular_game_of_the_season() -> None:
    calendar = Calendar(
        [
            Game(game_date=date(2021, 10, 3), season_year=2021, season_type="preseason"),
            Game(game_date=date(2021, 10, 17), season_year=2021, status=1),
            Game(game_date=date(2021, 10, 18), season_year=2021, season_type="playoffs"),
            Game(game_date=date(2021, 10, 21), season_year=2021),
            Game(game_date=OPENING, season_year=2021),
            Game(game_date=date(2022, 10, 18), season_year=2022),
        ]
    )
    assert calendar.starts == {2021: OPENING, 2022: date(2022, 10, 18)}


@pytest.mark.parametrize(
    "game",
    [
        make_game(20, status=1),
        make_game(20, season_type="playoffs"),
        make_game(20, season_type="cup"),
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_a_season_without_a_final_regular_game_has_no_processing_date(
    game: Game, live: bool
) -> None:
    calendar = Calendar([game, Game(game_date=date(2022, 10, 18), season_year=2022)])
    assert calendar.day(game.game_date, live=live) == Day(
        day=game.game_date, type=DateType.NO_GAMES
    )


def test_an_empty_schedule_has_no_games() -> None:
    assert Calendar([]).day(OPENING) == Day(day=OPENING, type=DateType.NO_GAMES)


def test_a_date_before_opening_night_is_no_processing_date() -> None:
    calendar = make_calendar(Game(game_date=BEFORE, season_year=2021, season_type="playoffs"))
    assert calendar.day(BEFORE) == Day(day=BEFORE, type=DateType.NO_GAMES)


def test_each_date_is_counted_from_its_own_opening_night() -> None:
    calendar = Calendar(
        [
            Game(game_date=date(2022, 10, 18), season_year=2022),
            Game(game_date=date(2022, 11, 1), season_year=2022),
            Game(game_date=date(2023, 11, 8), season_year=2023),
        ]
    )
    assert calendar.day(date(2022, 11, 1)) == Day(
        day=date(2022, 11, 1), type=DateType.REGULAR, index=14, games=1
    )
    assert calendar.day(date(2023, 11, 8)) == Day(
        day=date(2023, 11, 8), type=DateType.BOOTSTRAP, index=0, games=1
    )


# Day index, week, bootstrap


@pytest.mark.parametrize(
    ("k", "type_"),
    [
        (0, DateType.BOOTSTRAP),
        (13, DateType.BOOTSTRAP),
        (14, DateType.REGULAR),
        (15, DateType.REGULAR),
    ],
)
def test_the_first_fourteen_days_are_bootstrap(k: int, type_: DateType) -> None:
    day = make_calendar(make_game(k, season_type="regular")).day(on(k))
    assert (day.type, day.index, day.is_processing) == (type_, k, True)


def test_bootstrap_says_which_day_it_is_and_when_processing_starts() -> None:
    assert (
        make_calendar(make_game(13)).day(on(13)).why_skipped
        == "bootstrap: day 13, processing starts on day 14"
    )


def test_a_date_without_games_says_so_and_a_processed_one_says_nothing() -> None:
    calendar = make_calendar(make_game(14))
    assert [calendar.day(on(k)).why_skipped for k in (14, 15)] == ["", "no games"]


@pytest.mark.parametrize(
    ("k", "week"), [(None, None), (0, 1), (1, 1), (7, 1), (8, 2), (14, 2), (15, 3), (160, 23)]
)
def test_days_zero_to_seven_are_week_one(k: int | None, week: int | None) -> None:
    assert Day(day=OPENING, type=DateType.REGULAR, index=k).week == week


@given(k=st.integers(0, 250), games=st.integers(1, 15))
def test_a_date_with_final_games_is_bootstrap_exactly_in_the_first_two_weeks(
    k: int, games: int
) -> None:
    day = Calendar(
        [Game(game_date=OPENING, season_year=2021)] * (k > 0) + [make_game(k)] * games
    ).day(on(k))
    assert day == Day(
        day=on(k),
        type=DateType.BOOTSTRAP if k < BOOTSTRAP_DAYS else DateType.REGULAR,
        index=k,
        games=games,
    )


# Games that open a date


def test_playoffs_are_a_type_of_their_own() -> None:
    assert make_calendar(make_game(180, season_type="playoffs")).day(on(180)) == Day(
        day=on(180), type=DateType.PLAYOFFS, index=180, games=1
    )


def test_a_regular_game_beside_a_playoff_game_makes_the_date_regular() -> None:
    calendar = make_calendar(make_game(170, season_type="playoffs"), make_game(170))
    assert calendar.day(on(170)) == Day(day=on(170), type=DateType.REGULAR, index=170, games=2)


@pytest.mark.parametrize("season_type", ["preseason", "all-star", "play-in", "Regular", ""])
@pytest.mark.parametrize("live", [False, True])
def test_any_other_season_type_opens_no_date(season_type: str, live: bool) -> None:
    calendar = make_calendar(make_game(100, season_type=season_type))
    assert calendar.day(on(100), live=live) == Day(day=on(100), type=DateType.NO_GAMES, index=100)


def test_a_game_that_is_not_final_opens_no_date() -> None:
    calendar = make_calendar(
        make_game(50, status=1), make_game(51, status=2), make_game(52, status=4)
    )
    assert [calendar.day(on(k)) for k in (50, 51, 52)] == [
        Day(day=on(k), type=DateType.NO_GAMES, index=k) for k in (50, 51, 52)
    ]


def test_a_live_run_counts_games_that_are_not_final() -> None:
    calendar = make_calendar(make_game(50, status=1), make_game(50))
    assert calendar.day(on(50)) == Day(day=on(50), type=DateType.REGULAR, index=50, games=1)
    assert calendar.day(on(50), live=True) == Day(
        day=on(50), type=DateType.REGULAR, index=50, games=2
    )
    assert make_calendar(make_game(13, status=1)).day(on(13), live=True).type is DateType.BOOTSTRAP


def test_the_previous_processing_date_lies_in_the_same_season() -> None:
    calendar = Calendar(
        [
            Game(game_date=date(2021, 5, 1), season_year=2020),
            *make_calendar(make_game(3), make_game(5, status=1), make_game(9)).games,
        ]
    )
    assert [calendar.previous(on(k)) for k in (0, 1, 3, 9, 30)] == [
        None,
        OPENING,
        OPENING,
        on(3),
        on(9),
    ]


# Ranges


def test_both_ends_of_a_range_are_included() -> None:
    assert dates_between(BEFORE, on(1)) == [BEFORE, OPENING, on(1)]
    assert dates_between(OPENING, OPENING) == [OPENING]


def test_a_range_is_typed_date_by_date() -> None:
    calendar = make_calendar(make_game(14), make_game(16, status=1))
    assert calendar.days(on(13), on(16)) == [calendar.day(on(k)) for k in (13, 14, 15, 16)]
    assert [d.type for d in calendar.days(on(14), on(16), live=True)] == [
        "regular",
        "no games",
        "regular",
    ]


def test_a_season_is_its_dates_with_games_bootstrap_included() -> None:
    games = [make_game(k) for k in (20, 20, 13)]
    calendar = make_calendar(
        *games,
        make_game(21, status=1),
        make_game(22, season_type="cup"),
        Game(game_date=date(2022, 10, 18), season_year=2022),
    )
    assert calendar.season(2021) == [
        Day(day=OPENING, type=DateType.BOOTSTRAP, index=0, games=1),
        Day(day=on(13), type=DateType.BOOTSTRAP, index=13, games=1),
        Day(day=on(20), type=DateType.REGULAR, index=20, games=2),
    ]
    assert [day.is_computed for day in calendar.season(2021)] == [False, False, True]
    assert calendar.season(2020) == []


# Seasons of the schedule

PAUSED, FINALS = (date(2019, 10, 22), date(2020, 10, 11)), date(2020, 10, 11)


def of_season(year: int, *days: date, **overrides: object) -> list[Game]:
    return [Game(game_date=day, season_year=year, **overrides) for day in days]  # type: ignore[arg-type]


def test_a_finals_game_in_october_belongs_to_the_playoffs_of_its_own_season() -> None:
    nights = date(2020, 10, 20), date(2020, 11, 3)
    calendar = Calendar(
        [
            *of_season(2019, PAUSED[0], date(2020, 8, 14)),
            *of_season(2019, date(2020, 10, 9), FINALS, season_type="playoffs"),
            *of_season(2020, *nights),
        ]
    )
    day = calendar.day(FINALS)
    assert (day.type, day.season, day.index, day.week) == (DateType.PLAYOFFS, 2019, 355, 51)
    assert [calendar.day(night).index for night in nights] == [0, 14]
    assert [d.day for d in calendar.season(2020)] == [*nights]
    assert calendar.season(2019)[-1].day == FINALS
    assert (calendar.previous(FINALS), calendar.previous(nights[0])) == (date(2020, 10, 9), None)


@pytest.mark.parametrize(
    ("opening", "last"),
    [
        (date(2011, 12, 25), date(2012, 6, 21)),
        (date(1999, 2, 5), date(1999, 6, 25)),
        (date(2020, 12, 22), date(2021, 7, 20)),
        PAUSED,
        (date(2023, 9, 28), date(2024, 6, 17)),
    ],
)
def test_a_season_opens_and_ends_in_any_month(opening: date, last: date) -> None:
    year = opened_season_year(opening)
    calendar = Calendar(of_season(year, opening, opening + timedelta(days=20), last))
    assert [(d.season, d.index) for d in calendar.season(year)] == [
        (year, 0),
        (year, 20),
        (year, (last - opening).days),
    ]
    assert calendar.contradictions() == {}
    before = calendar.day(opening - timedelta(days=1))
    assert (before.type, before.index) == (DateType.NO_GAMES, None)


def test_the_dates_of_all_seasons_are_one_after_another() -> None:
    dates = SeasonDates(spans={2019: PAUSED, 2020: (date(2020, 10, 12), date(2021, 6, 1))})
    ends = [date(2018, 10, 1), *(d for y in (2018, 2019, 2020, 2021) for d in dates.bounds(y))]
    assert ends[1:] == [
        *(date(2018, 10, 1), date(2019, 9, 30)),
        *(date(2019, 10, 1), FINALS),
        *(date(2020, 10, 12), date(2021, 9, 30)),
        *(date(2021, 10, 1), date(2022, 9, 30)),
    ]
    for year in (2018, 2019, 2020, 2021):
        assert {dates.year_of(d) for d in dates_between(*dates.bounds(year))} == {year}


@pytest.mark.parametrize(
    ("days", "needed"),
    [
        ([date(2020, 8, 1)], [2019]),
        ([date(2020, 10, 1), FINALS], [2019]),
        ([date(2020, 10, 12)], [2020]),
        ([date(2021, 8, 1)], []),
        ([date(2019, 8, 1), date(2020, 3, 1)], [2019]),
    ],
)
def test_a_date_needs_the_season_whose_schedule_covers_it(
    days: list[date], needed: list[int]
) -> None:
    assert SeasonDates(spans={2019: PAUSED}).needed(days) == needed


def test_the_bounds_of_a_replaced_schedule_cover_its_old_and_its_new_dates() -> None:
    dates = SeasonDates(spans={2019: PAUSED})
    assert dates.replaced(2019, [PAUSED[0], date(2020, 8, 14)]) == (date(2019, 10, 1), FINALS)
    assert dates.replaced(2020, [date(2020, 12, 22)]) == (date(2020, 10, 12), date(2021, 9, 30))
    assert dates.replaced(2021, []) == (date(2021, 10, 1), date(2022, 9, 30))


CONTRADICTIONS = [
    (
        of_season(2022, date(2023, 10, 24), date(2024, 4, 14)),
        {
            2022: "season_year 2022 has games from 2023-10-24 to 2024-04-14; a season opens between "
            "July 2022 and June 2023; correct season_year or game_date"
        },
    ),
    (
        [*of_season(2023, date(2023, 10, 24)), *of_season(2024, date(2024, 1, 5))],
        {
            2024: "season_year 2024 has games from 2024-01-05 to 2024-01-05; a season opens between "
            "July 2024 and June 2025; correct season_year or game_date"
        },
    ),
    (
        of_season(2019, PAUSED[0], date(2020, 11, 30)),
        {
            2019: "season_year 2019 has games from 2019-10-22 to 2020-11-30; a season ends within a "
            "year of opening night, 2019-10-22; correct season_year or game_date"
        },
    ),
    (
        [*of_season(2019, *PAUSED), *of_season(2020, FINALS, date(2021, 1, 1))],
        {
            2020: "season_year 2020 has games from 2020-10-11 to 2021-01-01; season_year 2019 has "
            "games until 2020-10-11, and seasons cannot overlap; correct season_year or game_date"
        },
    ),
]


@pytest.mark.parametrize(("games", "sentences"), CONTRADICTIONS)
def test_a_season_year_that_contradicts_its_dates_is_named(
    games: list[Game], sentences: dict[int, str]
) -> None:
    assert Calendar(games).contradictions() == sentences
