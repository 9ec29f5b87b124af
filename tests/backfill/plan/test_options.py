from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from backfill.errors import InvalidOption, Refused
from backfill.plan.options import Options, chosen
from backfill.processors.registry import CHAIN
from validation.season import SeasonDates

START, END = date(2021, 11, 1), date(2021, 11, 30)


def make_options(**overrides: Any) -> Options:
    return Options(**{"start": START, "end": END, **overrides})


def test_left_alone_everything_is_run_in_backfill_mode() -> None:
    assert make_options() == Options(
        start=START,
        end=END,
        processors=("TDZA", "PSZA", "PCF", "PDC", "ML"),
        mode="backfill",
        force=False,
        skip_preflight=False,
        batch_size=0,
        reason="",
    )
    assert make_options().backfill_mode
    assert not make_options(mode="normal").backfill_mode


NO_REASON = "skipping the preflight requires a reason, which is stored with the job"
REFUSED = [
    (
        {"end": date(2021, 10, 31)},
        "the last date 2021-10-31 is before the first date 2021-11-01; swap them",
    ),
    (
        {"end": date(2041, 10, 1)},
        "2021-11-01 to 2041-10-01 spans more than 20 seasons; start several jobs",
    ),
    ({"mode": "live"}, "unknown mode 'live'; choose from backfill, normal"),
    ({"mode": "Backfill"}, "unknown mode 'Backfill'; choose from backfill, normal"),
    ({"mode": ""}, "unknown mode ''; choose from backfill, normal"),
    ({"batch_size": -1}, "dates per batch must be 1 to 366, or 0 for automatic; not -1"),
    ({"batch_size": 367}, "dates per batch must be 1 to 366, or 0 for automatic; not 367"),
    ({"processors": ()}, "choose one or more of TDZA, PSZA, PCF, PDC, ML, in this order"),
    (
        {"processors": ("ML", "PCF")},
        "choose one or more of TDZA, PSZA, PCF, PDC, ML, in this order",
    ),
    ({"processors": ("XYZ",)}, "choose one or more of TDZA, PSZA, PCF, PDC, ML, in this order"),
    (
        {"failed": True, "force": True},
        "--failed and --force exclude each other; use one of them",
    ),
    ({"skip_preflight": True}, NO_REASON),
    ({"skip_preflight": True, "reason": " \t"}, NO_REASON),
]


@pytest.mark.parametrize(("overrides", "sentence"), REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_sentence(
    overrides: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidOption) as refused:
        make_options(**overrides)
    assert str(refused.value) == sentence
    assert refused.value.field in overrides


def test_twenty_seasons_and_a_single_day_are_the_widest_and_the_narrowest_range() -> None:
    assert (
        len(
            SeasonDates(spans={}).needed(
                make_options(start=date(2021, 10, 1), end=date(2041, 9, 30)).days
            )
        )
        == 20
    )
    assert SeasonDates(spans={}).needed(make_options(end=START).days) == [2021]


@pytest.mark.parametrize(
    ("start", "end", "seasons"),
    [
        (START, END, [2021]),
        (date(2022, 1, 1), date(2022, 9, 30), [2021]),
        (date(2022, 6, 30), date(2022, 10, 1), [2021, 2022]),
        (date(2022, 7, 1), date(2022, 10, 31), [2022]),
        (date(2022, 7, 1), date(2022, 9, 30), []),
    ],
    ids=["within one", "into the summer", "across a summer", "from the summer on", "a summer"],
)
def test_a_range_needs_the_seasons_that_it_touches_and_no_summer(
    start: date, end: date, seasons: list[int]
) -> None:
    assert SeasonDates(spans={}).needed(make_options(start=start, end=end).days) == seasons


def test_stored_options_read_back_as_they_were() -> None:
    options = make_options(
        processors=("PSZA", "ML"),
        mode="normal",
        force=True,
        skip_preflight=True,
        batch_size=7,
        reason="known gap",
        parallel=3,
        canary=False,
        brake=False,
        max_retries=4,
        newest_first=True,
        skip_trigger=True,
        outdated=True,
        dates=(START, date(2021, 11, 3), END),
    )
    stored = options.as_json()
    assert stored == {
        "start": "2021-11-01",
        "end": "2021-11-30",
        "processors": ["PSZA", "ML"],
        "mode": "normal",
        "force": True,
        "skip_preflight": True,
        "batch_size": 7,
        "reason": "known gap",
        "parallel": 3,
        "canary": False,
        "brake": False,
        "max_retries": 4,
        "newest_first": True,
        "skip_trigger": True,
        "outdated": True,
        "failed": False,
        "dates": "2021-11-01, 2021-11-03, 2021-11-30",
        "cells": "",
    }
    assert Options.from_json(stored) == options


def test_a_job_that_was_stored_before_there_were_all_options_reads_back() -> None:
    stored = make_options(force=True).as_json()
    del stored["dates"], stored["failed"], stored["outdated"]
    assert Options.from_json(stored) == make_options(force=True)


# Date lists


def test_only_the_dates_named_are_meant() -> None:
    options = Options.of_dates([END, START, date(2021, 11, 3), START])
    assert (options.start, options.end) == (START, END)
    assert options.days == options.dates == (START, date(2021, 11, 3), END)
    assert (options.span, make_options().span) == (
        "3 dates from 2021-11-01 to 2021-11-30",
        "2021-11-01 to 2021-11-30",
    )
    assert SeasonDates(spans={}).needed(Options.of_dates([START, date(2023, 11, 1)]).days) == [
        2021,
        2023,
    ]


def test_dates_without_a_gap_are_a_range_so_that_the_same_options_are_equal() -> None:
    assert Options.of_dates(make_options().days) == make_options()


@pytest.mark.parametrize(
    "dates",
    [(START, START, END), (END, START), (START, date(2021, 11, 3)), (date(2021, 11, 3), END)],
    ids=["twice", "backwards", "another end", "another start"],
)
def test_dates_that_are_not_those_from_start_to_end_are_refused(dates: tuple[date, ...]) -> None:
    with pytest.raises(
        Refused,
        match="list the dates in order without duplicates, from 2021-11-01 to 2021-11-30",
    ):
        make_options(dates=dates)


def test_no_date_at_all_is_refused() -> None:
    with pytest.raises(Refused, match="no dates given"):
        Options.of_dates([])


# Processor selection


@pytest.mark.parametrize(
    ("names", "start_from", "codes"),
    [
        ((), None, CHAIN),
        ((), 1, CHAIN),
        ((), 4, ("PDC", "ML")),
        ((), 5, ("ML",)),
        (("ML", "TDZA", "ML"), None, ("TDZA", "ML")),
        (("psza", "mlfeaturestoreprocessor"), None, ("PSZA", "ML")),
    ],
    ids=[
        "all",
        "from the first",
        "from the fourth",
        "the last",
        "in chain order, each once",
        "by name, in any case",
    ],
)
def test_processors_are_chosen_by_name_or_by_place(
    names: tuple[str, ...], start_from: int | None, codes: tuple[str, ...]
) -> None:
    assert chosen(names, start_from) == codes


@pytest.mark.parametrize(
    ("names", "start_from", "sentence"),
    [
        (("ML",), 2, "--processors and --start-from exclude each other; use one of them"),
        (("MLX",), None, "unknown processor 'MLX'; choose from TDZA, PSZA, PCF, PDC, ML"),
        ((), 0, "--start-from takes 1 to 5 (1 TDZA, 2 PSZA, 3 PCF, 4 PDC, 5 ML), not 0"),
        ((), 6, "--start-from takes 1 to 5 (1 TDZA, 2 PSZA, 3 PCF, 4 PDC, 5 ML), not 6"),
        ((), -1, "--start-from takes 1 to 5 (1 TDZA, 2 PSZA, 3 PCF, 4 PDC, 5 ML), not -1"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(
    names: tuple[str, ...], start_from: int | None, sentence: str
) -> None:
    with pytest.raises(Refused) as refused:
        chosen(names, start_from)
    assert str(refused.value) == sentence
