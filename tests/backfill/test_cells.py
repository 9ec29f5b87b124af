"""Cells of the grid as an option: text form, options, plan and shell command."""

from __future__ import annotations

import shlex
from datetime import date, timedelta

import pytest

from backfill.errors import InvalidOption, Refused
from backfill.plan.cells import format_cells, packed_cells, parse_cells
from backfill.plan.options import Options
from backfill.plan.planning import PlannedAction, plan
from backfill.plan.shell_command import command
from backfill.processors.registry import CHAIN
from validation.season import DateType, Day

CORNER = "PSZA,PDC 2021-11-20..2021-11-22; ML 2021-11-21"


def test_cells_read_back_as_written() -> None:
    cells = parse_cells(CORNER)
    assert len(cells) == 7
    assert format_cells(cells) == CORNER
    assert parse_cells(packed_cells(cells)) == cells
    assert parse_cells(" ml 2021-11-21 ;; ") == (("ML", date(2021, 11, 21)),)


def test_any_cells_of_a_season_fit_in_an_address() -> None:
    days = [date(2021, 10, 19) + timedelta(n) for n in range(175)]
    scattered = [(code, day) for n, code in enumerate(CHAIN) for day in days[n % 2 :: 2]]
    scattered.remove((CHAIN[0], days[10]))
    assert len(format_cells(scattered)) > 2000
    assert len(packed_cells(scattered)) < 500
    assert set(parse_cells(packed_cells(scattered))) == set(scattered)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("XYZ 2021-11-01", "XYZ"),
        ("PSZA", "has no dates"),
        ("PSZA 2021-13-01", "not a calendar date"),
        ("PSZA 2021-13-01~1f", "not a calendar date"),
        ("PSZA 9999-12-30~ff", "not a calendar date"),
        ("PSZA 2021-11-01," * 20_000, "select fewer cells"),
    ],
)
def test_wrong_cells_are_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        parse_cells(text)


def test_options_take_dates_and_processors_from_the_cells() -> None:
    options = Options.of_cells(CORNER)
    assert (options.start, options.end) == (date(2021, 11, 20), date(2021, 11, 22))
    assert options.processors == tuple(c for c in CHAIN if c in {"PSZA", "PDC", "ML"})
    assert options.keys == set(parse_cells(CORNER))
    assert options.span == "7 cells from 2021-11-20 to 2021-11-22"
    assert Options.from_json(options.as_json()) == options


def test_a_rectangle_is_stored_as_dates_and_processors() -> None:
    assert Options.of_cells("PSZA,PDC 2021-11-20..2021-11-22") == Options(
        start=date(2021, 11, 20),
        end=date(2021, 11, 22),
        processors=tuple(c for c in CHAIN if c in {"PSZA", "PDC"}),
    )


@pytest.mark.parametrize("cells", ["", ";", "XYZ 2021-11-01"])
def test_options_refuse_no_cells_and_wrong_cells(cells: str) -> None:
    with pytest.raises(InvalidOption):
        Options.of_cells(cells)


def test_the_plan_has_exactly_the_cells() -> None:
    options = Options.of_cells(CORNER)
    days = [Day(day=day, season=2021, index=30, type=DateType.REGULAR) for day in options.days]
    found = plan(options, days, done=())
    assert {run.key for run in found.todo} == set(parse_cells(CORNER))
    assert {run.action for run in found.runs} == {PlannedAction.RUN}


def test_the_shell_command_names_the_cells_only() -> None:
    text = command(Options.of_cells(CORNER, force=True))
    assert shlex.split(text)[-3:] == ["--cells", CORNER, "--force"]
    assert "--processors" not in text
    assert "--start" not in text
