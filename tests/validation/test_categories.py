from __future__ import annotations

import pytest

from validation.categories import BY_NAME, CATEGORIES, DATE_LEVEL, Category

# processors.md 2.6: can_retry, and whether it is a defect that needs an immediate investigation.
SPECIFIED = {
    "PROCESSING_ERROR": (False, True),
    "INSUFFICIENT_DATA": (True, False),
    "MISSING_DEPENDENCY": (True, False),
    "INCOMPLETE_DATA": (True, False),
    "UNKNOWN": (False, True),
}


def test_the_list_is_closed() -> None:
    assert {c.name: (c.can_retry, c.is_bug) for c in CATEGORIES} == SPECIFIED


def test_the_order_is_that_of_the_checks() -> None:
    assert [c.name for c in CATEGORIES] == list(SPECIFIED)


def test_a_category_is_found_by_its_name() -> None:
    assert {c.name: c for c in CATEGORIES} == BY_NAME


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_a_category_says_what_it_means_and_what_to_do(category: Category) -> None:
    assert category.meaning
    assert category.advice.endswith(".")
    assert ("investigate now" in category.advice.lower()) is category.is_bug


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_no_retry_heals_a_bug(category: Category) -> None:
    assert category.can_retry is not category.is_bug


def test_a_failure_of_the_whole_date_is_no_category() -> None:
    assert DATE_LEVEL not in BY_NAME
