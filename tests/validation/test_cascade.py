from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from validation.cascade import NOTHING, Cascade, RootCause, cascade, merge, root_of
from validation.expectation import BAD, FEW, INCOMPLETE, MISSING, ROW
from validation.processor_rules import CODES, ML, PCF, PDC, PSZA, TDZA

TODAY = date(2021, 12, 1)
MINE, THEIRS = "BOS", "NYK"


def statuses(**of_processor: str) -> dict[str, dict[str, str]]:
    """Make one player's status in each processor; a row by default."""
    return {code: {"p": of_processor.get(code, ROW)} for code in CODES}


def root(code: str, **of_processor: str) -> RootCause | None:
    return root_of("p", code, statuses(**of_processor))


# Root cause of one failure


def test_too_few_games_in_psza_are_the_root_of_a_missing_cache_row() -> None:
    assert root(PDC, PSZA=FEW, PDC=MISSING) == RootCause(PSZA, FEW)


def test_a_root_is_found_through_every_depth() -> None:
    assert root(ML, PSZA=FEW, PDC=MISSING, ML=MISSING) == RootCause(PSZA, FEW)
    assert root(ML, PSZA=ROW, PDC=FEW, ML=MISSING) == RootCause(PDC, FEW)


@pytest.mark.parametrize("category", [BAD, FEW, INCOMPLETE, "UNKNOWN"])
def test_whatever_upstream_failed_with_is_a_root(category: str) -> None:
    assert root(PDC, PSZA=category, PDC=MISSING) == RootCause(PSZA, category)


def test_a_bug_weighs_more_than_too_few_games() -> None:
    assert root(ML, PSZA=FEW, PDC=BAD, ML=MISSING) == RootCause(PDC, BAD)
    assert root(ML, PSZA=FEW, PCF=BAD, PDC=FEW, ML=MISSING) == RootCause(PCF, BAD)
    assert root(ML, PSZA=FEW, PDC="UNKNOWN", ML=MISSING) == RootCause(PDC, "UNKNOWN")


def test_of_two_bugs_and_of_two_that_are_none_the_one_that_comes_first_in_the_chain_is_the_root() -> (
    None
):
    assert root(ML, PSZA=BAD, PCF=BAD, PDC=BAD, ML=MISSING) == RootCause(PSZA, BAD)
    assert root(ML, PSZA=FEW, PDC=FEW, ML=MISSING) == RootCause(PSZA, FEW)
    assert root(ML, PSZA=INCOMPLETE, PDC=FEW, ML=MISSING) == RootCause(PSZA, INCOMPLETE)


def test_what_upstream_has_neither_row_nor_failure_of_comes_from_nothing() -> None:
    assert root_of("p", PDC, {PDC: {"p": MISSING}}) == RootCause(PSZA, NOTHING)
    assert root_of("p", ML, {ML: {"p": MISSING}, PSZA: {"p": ROW}, PCF: {"p": ROW}}) == RootCause(
        PDC, NOTHING
    )


def test_a_failure_weighs_more_than_nothing() -> None:
    assert root_of("p", ML, {ML: {"p": MISSING}, PDC: {"p": FEW}, PCF: {"p": ROW}}) == RootCause(
        PDC, FEW
    )


def test_a_missing_dependency_of_which_upstream_has_every_row_has_no_root() -> None:
    assert root(PDC, PDC=MISSING) is None
    assert root(ML, ML=MISSING) is None


def test_what_follows_from_a_missing_dependency_without_a_root_follows_from_that() -> None:
    assert root(ML, PDC=MISSING, ML=MISSING) == RootCause(PDC, MISSING)


def test_tdza_is_nobodys_root() -> None:
    assert root(ML, TDZA=FEW, ML=MISSING) is None


def test_a_root_is_written_as_processor_and_category() -> None:
    assert [str(RootCause(PSZA, FEW)), str(RootCause(PDC, NOTHING))] == [
        "PSZA INSUFFICIENT_DATA",
        "PDC without a row or failure",
    ]


# All failures of a date


def test_a_date_without_failures_has_neither_roots_nor_followers() -> None:
    assert cascade(statuses()) == cascade({}) == Cascade()


def test_roots_and_what_follows_from_them_are_counted_apart() -> None:
    found = cascade({
        TDZA: {"BOS": FEW, "NYK": FEW, "CHI": ROW},
        PSZA: {"young": FEW, "hurt": FEW, "idle": FEW, "bad": BAD, "well": ROW},
        PCF: dict.fromkeys(("young", "hurt", "bad", "well"), ROW) | {"rest": BAD},
        PDC: {"young": FEW, "hurt": MISSING, "bad": BAD, "rest": BAD, "well": ROW},
        ML: {"young": MISSING, "hurt": MISSING, "bad": BAD, "rest": BAD, "well": ROW},
    })  # fmt: skip
    roots = {
        RootCause(TDZA, FEW): 2,
        RootCause(PSZA, FEW): 3,
        RootCause(PSZA, BAD): 1,
        RootCause(PCF, BAD): 1,
        RootCause(PDC, FEW): 1,
        RootCause(PDC, BAD): 2,
        RootCause(ML, BAD): 2,
    }
    follows = {PDC: Counter({RootCause(PSZA, FEW): 1}), ML: Counter({RootCause(PSZA, FEW): 2})}
    assert found == Cascade(Counter(roots), follows, {})
    assert [
        found.following(r)
        for r in (RootCause(PSZA, FEW), RootCause(PSZA, BAD), RootCause(TDZA, FEW))
    ] == [3, 0, 0]


def test_every_failure_of_a_date_is_a_root_a_follower_or_unexplained() -> None:
    given = {
        PSZA: {"a": FEW, "b": ROW, "c": ROW, "d": ROW},
        PCF: dict.fromkeys("abcd", ROW),
        PDC: {"a": MISSING, "b": MISSING, "c": FEW, "d": ROW},
        ML: {"a": MISSING, "b": MISSING, "c": MISSING, "d": MISSING},
    }
    found = cascade(given)
    assert found == Cascade(
        Counter({RootCause(PSZA, FEW): 1, RootCause(PDC, FEW): 1}),
        {
            PDC: Counter({RootCause(PSZA, FEW): 1}),
            ML: Counter(
                {RootCause(PSZA, FEW): 1, RootCause(PDC, MISSING): 1, RootCause(PDC, FEW): 1}
            ),
        },
        {PDC: ("b",), ML: ("d",)},
    )
    failures = sum(
        status != ROW for of_processor in given.values() for status in of_processor.values()
    )
    followers = sum(sum(counted.values()) for counted in found.follows.values())
    assert (
        sum(found.roots.values()) + followers + sum(map(len, found.unexplained.values()))
        == failures
    )


def test_a_date_of_which_only_one_processor_ran_traces_to_nothing() -> None:
    found = cascade({ML: {"a": MISSING, "b": MISSING}})
    assert found == Cascade(Counter(), {ML: Counter({RootCause(PSZA, NOTHING): 2})}, {})


def test_a_missing_dependency_of_what_depends_on_nothing_is_itself_a_root() -> None:
    assert cascade({PSZA: {"a": MISSING}}) == Cascade(Counter({RootCause(PSZA, MISSING): 1}))


def test_the_failures_of_many_dates_are_added_up() -> None:
    first = cascade({PSZA: {"a": FEW, "b": ROW}, PDC: {"a": MISSING, "b": MISSING}})
    second = cascade(
        {PSZA: {"a": FEW, "c": BAD}, PDC: {"a": MISSING, "c": MISSING}, TDZA: {"BOS": FEW}}
    )
    roots = Counter({RootCause(PSZA, FEW): 2, RootCause(PSZA, BAD): 1, RootCause(TDZA, FEW): 1})
    follows = {PDC: Counter({RootCause(PSZA, FEW): 2, RootCause(PSZA, BAD): 1})}
    assert merge([first, second]) == Cascade(roots, follows, {PDC: ("b",)})
    assert merge([]) == Cascade()
    assert first.roots == Counter({RootCause(PSZA, FEW): 1})
