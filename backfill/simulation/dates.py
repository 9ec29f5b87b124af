"""Dates of a season: opening night, game days and games per day. Days count from opening night."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

GAMES = 1230
LAST_DAY = 173
ALL_STAR_DAYS = 6
MOST_GAMES_A_DATE = 15
OPENING_GAMES = 2
OCTOBER, NOVEMBER, DECEMBER, FEBRUARY = 10, 11, 12, 2
MONDAY, TUESDAY, THURSDAY = 0, 1, 3

# The season of 2020 opened in December and is left out: a demonstration needs a typical season.
OPENING_NIGHTS = {
    night.year: night
    for night in (
        date(2015, 10, 27),
        date(2016, 10, 25),
        date(2017, 10, 17),
        date(2018, 10, 16),
        date(2019, 10, 22),
        date(2021, 10, 19),
        date(2022, 10, 18),
        date(2023, 10, 24),
        date(2024, 10, 22),
        date(2025, 10, 21),
    )
}

# Mean games by weekday, Monday first: Wednesdays and Fridays are full, Thursdays belong to
# television.
WEEKDAY_GAMES = (7.9, 6.3, 9.7, 5.5, 9.4, 7.2, 7.9)

# The first five weeks are a little thinner: a real team has played 9.8 games after three of them.
SLOW_START = 0.975
SLOW_DAYS = 35


def weekday_of_month(year: int, month: int, weekday: int, nth: int, first: int = 1) -> date:
    """Return the nth such weekday of a month, counted from its day `first`."""
    start = date(year, month, first)
    return start + timedelta(days=(weekday - start.weekday()) % 7 + 7 * (nth - 1))


def opening_night(year: int) -> date:
    """Return the first date of the season that begins in `year`."""
    return OPENING_NIGHTS.get(year) or weekday_of_month(year, OCTOBER, TUESDAY, 1, first=18)


def all_star_break(year: int) -> list[date]:
    """Return Friday to Wednesday around the third Monday of February."""
    friday = weekday_of_month(year + 1, FEBRUARY, MONDAY, 3) - timedelta(days=3)
    return [friday + timedelta(days=n) for n in range(ALL_STAR_DAYS)]


def days_off(year: int) -> list[date]:
    """Return dates without games: holidays, the All-Star break, the college final and the eve of
    the last day, when all teams rest.
    """
    last = opening_night(year) + timedelta(days=LAST_DAY)
    thanksgiving = weekday_of_month(year, NOVEMBER, THURSDAY, 4)
    college_final = last - timedelta(days=6)
    return [
        thanksgiving,
        date(year, DECEMBER, 24),
        *all_star_break(year),
        college_final,
        last - timedelta(days=1),
    ]


def game_days(year: int) -> list[int]:
    """Return the day indices of game days, ascending."""
    start, off = opening_night(year), set(days_off(year))
    return [day for day in range(LAST_DAY + 1) if start + timedelta(days=day) not in off]


def weights(days: list[int], first_weekday: int, rng: Random) -> list[float]:
    """Return uneven shares of games per day, but even per week, so that no season runs ahead of the
    others.
    """
    usual = [
        WEEKDAY_GAMES[(first_weekday + day) % 7] * (SLOW_START if day < SLOW_DAYS else 1.0)
        for day in days
    ]
    drawn = [games * rng.uniform(0.6, 1.4) for games in usual]
    due, found = [0.0] * (LAST_DAY // 7 + 1), [0.0] * (LAST_DAY // 7 + 1)
    for day, mean, games in zip(days, usual, drawn, strict=True):
        due[day // 7] += mean
        found[day // 7] += games
    return [games * due[day // 7] / found[day // 7] for day, games in zip(days, drawn, strict=True)]


def games_by_day(year: int, rng: Random) -> dict[int, int]:
    """Return the target number of games per day; they add up to the season's."""
    first, *middle, last = game_days(year)
    shares = weights(middle, opening_night(year).weekday(), rng)
    scale = (GAMES - OPENING_GAMES - MOST_GAMES_A_DATE) / sum(shares)
    planned, exact = {first: OPENING_GAMES, last: MOST_GAMES_A_DATE}, 0.0
    for day, share in zip(middle, shares, strict=True):
        # Rounds the running total instead of each day, so that no game is lost.
        planned[day] = min(MOST_GAMES_A_DATE, round(exact + share * scale) - round(exact))
        exact += share * scale
    return dict(sorted(planned.items()))
