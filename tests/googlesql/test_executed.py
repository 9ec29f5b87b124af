"""Processors on Google's reference engine, compared with the embedded warehouse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from backfill.processors.registry import CHAIN
from backfill.warehouse.tables import INPUTS
from tests.backfill.examples import Case, cases
from tests.googlesql.engine import Content, Database
from tests.googlesql.twin import Twin, differences, run, run_chain
from tests.oracle import Tables
from tests.seasons.simulated import YEAR, first_days
from tests.spoiling import Chances
from tests.strategies import Knobs, build

pytestmark = [pytest.mark.specification, pytest.mark.xdist_group("googlesql")]
FLAWS = Chances(nulls=3, unknown=5, impossible=3, copies=10)
BAD = Chances(nulls=20, unknown=30, impossible=20, copies=30)
SEASONS_MEAN = Knobs(seed=7, teams=4, roster=2, rounds=25, day_index=38, days=3, chances=FLAWS)
MONTHS_MEAN = Knobs(seed=2, teams=12, roster=1, rounds=25, day_index=38, days=2, chances=FLAWS)
LEAGUES = {
    "backfill, measured against the season": (SEASONS_MEAN, True),
    "live, measured against the season": (SEASONS_MEAN, False),
    "backfill, measured against 30 days": (
        Knobs(seed=2, teams=12, roster=1, rounds=25, day_index=38, days=2, chances=FLAWS),
        True,
    ),
    "live, many copies and impossible values": (
        Knobs(seed=3, teams=3, roster=3, rounds=20, day_index=33, chances=BAD),
        False,
    ),
}
TEAMS = ("BOS", "DEN", "LAL")
DAYS = range(35, 42)  # days of the season on which players and teams have full windows


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[[Twin], None]:
    """Record the number of comparisons for the test summary; it must not be zero."""

    def counted(twin: Twin) -> None:
        assert twin.executed
        assert twin.compared
        record_property("statements executed", twin.executed)
        record_property("rows compared", twin.compared)

    return counted


@pytest.mark.parametrize("case", cases(), ids=str)
def test_an_example_of_the_specification_gives_the_same_rows(
    case: Case, count: Callable[[Twin], None]
) -> None:
    twin = Twin(case.tables)
    run(twin, case.code, case.dates, case.season_start, backfill_mode=case.backfill_mode)
    count(twin)


@pytest.mark.parametrize(("knobs", "backfill_mode"), LEAGUES.values(), ids=LEAGUES)
def test_a_random_league_gives_the_same_rows(
    knobs: Knobs, backfill_mode: bool, count: Callable[[Twin], None]
) -> None:
    league = build(knobs)
    dates = league.dates if backfill_mode else league.dates[:1]
    count(run_chain(league.tables, dates, league.season_start, backfill_mode=backfill_mode))


def test_a_week_of_three_teams_of_a_simulated_season_gives_the_same_rows(
    count: Callable[[Twin], None],
) -> None:
    tables, start = some_teams()
    twin = Twin(tables)
    for code in CHAIN:
        outcomes = run(twin, code, [start + timedelta(days=n) for n in DAYS], start)
        assert sum(outcome.rows for outcome in outcomes), f"{code} wrote nothing"
    count(twin)


def some_teams() -> tuple[Tables, date]:
    """Return Phase 3 of three teams through the week, and the season's first day.

    Contexts cover the week only.
    """
    season = first_days(YEAR, days=DAYS.stop)
    found = {
        t.short: [dict(zip(t.names, row, strict=True)) for row in season.tables[t.short]]
        for t in INPUTS
    }
    start = min(row["game_date"] for row in found["SCHED"])
    own = {
        "PGS": "team_abbr",
        "TDGS": "defending_team_abbr",
        "TOGS": "team_abbr",
        "UPGC": "team_abbr",
        "UTGC": "team_abbr",
        "SCHED": "home_team_abbr",
    }
    since = {
        short: start + timedelta(days=DAYS.start if short in ("UPGC", "UTGC") else 0)
        for short in own
    }
    return {
        s: [r for r in rows if r[own[s]] in TEAMS and r["game_date"] >= since[s]]
        for s, rows in found.items()
    }, start


# Detection of differences


def test_a_digit_more_or_less_would_be_seen() -> None:
    found = Database({}).run(
        "SELECT 'a' AS entity, NUMERIC '1.005' AS x, [1.5] AS features, '{\"a\": 34}' AS a_json", {}
    )
    (row,) = found.rows
    assert differences([row], [row | {"a_json": '{"a":34.0}'}]) == []
    for changed in (
        {"x": row["x"] + row["x"].scaleb(-6)},
        {"features": [1.5000001]},
        {"entity": "A"},
        {"a_json": '{"a":34.1}'},
    ):
        assert len(differences([row], [row | changed])) == 1
    assert differences([row], []) == ["1 rows, 0 expected"]


def test_a_null_an_array_and_a_time_come_back_as_they_were_given() -> None:
    columns = [
        ("a", "ARRAY<FLOAT64>"),
        ("b", "NUMERIC(5,2)"),
        ("c", "TIMESTAMP"),
        ("d", "DATE"),
        ("e", "BOOL"),
    ]
    rows = [
        dict.fromkeys("bcde") | {"a": []},
        {"a": [0.1], "b": -7, "c": None, "d": date(1969, 12, 31), "e": False},
    ]
    found = Database({"some.rows": Content(columns, rows)}).run("SELECT * FROM some.rows", {})
    assert found.rows == rows
