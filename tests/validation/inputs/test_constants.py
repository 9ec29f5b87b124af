from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from validation.findings.content import Share
from validation.findings.kinds import Severity
from validation.inputs.constants import MIN_DATES, MIN_DATES_OF_RARE, MIN_TEAMS, problems

FIRST = date(2021, 10, 19)
HEALTHY = Share("UPGC", "days_rest", FIRST, 200, 10, 0, 2, 20)
TWO = HEALTHY._replace(nulls=0, distinct=1, value="2")


def dated(*shares: Share, column: str = "days_rest", table: str = "UPGC") -> list[Share]:
    return [
        share._replace(date=FIRST + timedelta(days=n), column=column, table=table)
        for n, share in enumerate(shares)
    ]


def found(shares: Sequence[Share]) -> list[tuple[str, int]]:
    return [(p.subject, len(p.dates)) for p in problems(shares)]


def test_a_value_of_two_weeks_is_a_constant_and_of_fewer_dates_is_not() -> None:
    assert found(dated(*[TWO] * MIN_DATES)) == [("UPGC days_rest constant", MIN_DATES)]
    assert found(dated(*[TWO] * (MIN_DATES - 1), *[HEALTHY] * 30)) == []


def test_a_period_starts_on_the_first_day_and_can_end() -> None:
    assert found(dated(*[TWO] * 20, *[HEALTHY] * 30)) == [("UPGC days_rest constant", 20)]
    assert found(dated(HEALTHY, *[TWO] * 30)) == []


def test_values_that_are_equal_on_each_date_and_differ_between_dates_are_no_constant() -> None:
    assert found(dated(*[TWO._replace(value=str(n % 2)) for n in range(30)])) == []


def test_dates_without_a_value_do_not_end_a_constant() -> None:
    unknown = HEALTHY._replace(nulls=200, distinct=0)
    assert found(dated(unknown, *[TWO] * MIN_DATES)) == [("UPGC days_rest constant", 15)]


def test_zero_apart_from_nulls_is_zero_and_not_constant_as_well() -> None:
    zero = HEALTHY._replace(nulls=10, zeros=190, distinct=1, value="0")
    assert found(dated(*[zero] * 20)) == [("UPGC days_rest zero", 20)]


def test_a_rare_event_needs_more_dates() -> None:
    never = HEALTHY._replace(nulls=0, zeros=200, distinct=1, value="false")
    for n, expected in ((MIN_DATES_OF_RARE - 1, 0), (MIN_DATES_OF_RARE, 1)):
        assert len(problems(dated(*[never] * n, column="back_to_back"))) == expected


def test_three_teams_are_no_league() -> None:
    few = TWO._replace(teams=MIN_TEAMS - 1)
    assert found(dated(*[few] * 30)) == []


def test_columns_that_some_sources_lack_may_be_null_all_season() -> None:
    null = HEALTHY._replace(nulls=200, distinct=0)
    assert found(dated(*[null] * 30, column="points", table="PGS")) == []
    (problem,) = problems(dated(*[null] * 30, *[HEALTHY] * 9, column="points", table="PGS"))
    assert problem.severity is Severity.WARNING


def test_a_column_is_unknown_where_the_source_has_its_other_columns() -> None:
    known = [
        share
        for column in ("points_scored", "pace", "win_flag")
        for share in dated(*[HEALTHY] * 30, column=column, table="TOGS")
    ]
    null = HEALTHY._replace(nulls=200, distinct=0)
    unknown = dated(*[null] * 30, column="offensive_rating", table="TOGS")
    (problem,) = problems([*known, *unknown])
    assert problem.severity is Severity.WARNING
    assert problem.numbers["columns"] == ["offensive_rating"]


def test_known_constants_are_the_only_exceptions() -> None:
    one = TWO._replace(value="regular")
    assert found(dated(*[one] * 30, column="season_phase")) == []
    assert found(dated(*[TWO._replace(value="true")] * 30, column="is_active", table="PGS")) == []
    assert found(dated(*[TWO] * 30, column="home_game")) == [("UPGC home_game constant", 30)]


def test_columns_of_one_table_and_period_are_one_problem() -> None:
    both = [*dated(*[TWO] * 20), *dated(*[TWO] * 20, column="games_in_last_14_days")]
    (problem,) = problems(both)
    assert problem.numbers["columns"] == ["days_rest", "games_in_last_14_days"]
