from __future__ import annotations

import re
import shlex
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import load_command_class
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.management.commands.backfill import parsed
from backfill.plan.options import MAX_BATCH_SIZE, MAX_PARALLEL, MAX_RETRIES, Options
from backfill.plan.shell_command import command
from backfill.processors.registry import CHAIN

START = date(2021, 11, 1)


def typed(line: str) -> Options:
    """Parse a command line into options."""
    manage, verb, *words = shlex.split(line)
    assert (manage, verb) == ("manage.py", "backfill")
    parser = load_command_class("backfill", "backfill").create_parser("manage.py", "backfill")
    return parsed(vars(parser.parse_args(words)))


@st.composite
def options(draw: st.DrawFn) -> Options:
    flags = {name: draw(st.booleans()) for name in ("newest_first", "outdated", "canary", "brake")}
    policy: dict[str, Any] = draw(st.sampled_from([{}, {"force": True}, {"failed": True}]))
    live: dict[str, Any] = draw(
        st.sampled_from([{}, {"mode": "normal"}, {"mode": "normal", "skip_trigger": True}])
    )
    reason = draw(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")))
    fields: dict[str, Any] = {
        **flags,
        **policy,
        **live,
        "reason": reason,
        "skip_preflight": bool(reason.strip()) and draw(st.booleans()),
        "processors": tuple(code for code in CHAIN if draw(st.booleans())) or CHAIN,
        "batch_size": draw(st.integers(0, MAX_BATCH_SIZE)),
        "parallel": draw(st.integers(0, MAX_PARALLEL)),
        "max_retries": draw(st.integers(0, MAX_RETRIES)),
    }
    numbers = draw(st.sets(st.integers(0, 60), min_size=1))
    return Options.of_dates([START + timedelta(days=n) for n in numbers], **fields)


@settings(max_examples=60)
@given(asked=options())
def test_the_command_starts_the_very_options(asked: Options) -> None:
    assert typed(command(asked)) == asked


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (Options(start=START, end=START), "manage.py backfill --start 2021-11-01 --end 2021-11-01"),
        (
            Options.of_dates(
                [START, date(2021, 11, 3), date(2021, 11, 4)], failed=True, processors=("PSZA",)
            ),
            "manage.py backfill --dates '2021-11-01, 2021-11-03..2021-11-04' --processors PSZA --failed",
        ),
        (
            Options(
                start=START,
                end=START,
                canary=False,
                batch_size=7,
                reason="it's -- late",
                mode="normal",
            ),
            "manage.py backfill --start 2021-11-01 --end 2021-11-01 --no-canary --mode=normal --batch-size=7 "
            """--reason='it'"'"'s -- late'""",
        ),
    ],
)
def test_the_command_says_no_more_than_it_must(asked: Options, line: str) -> None:
    assert command(asked) == line


# One non-default value per option; an option without one fails the test below.
CHANGED: dict[str, dict[str, Any]] = {
    "start": {"start": date(2021, 10, 30)},
    "end": {"end": date(2021, 11, 9)},
    "dates": {"end": date(2021, 11, 9), "dates": (START, date(2021, 11, 9))},
    "cells": {"cells": "PSZA 2021-11-01; PDC 2021-11-01..2021-11-02"},
    "processors": {"processors": CHAIN[1:3]},
    "mode": {"mode": "normal"},
    "skip_trigger": {"mode": "normal", "skip_trigger": True},
    "skip_preflight": {"skip_preflight": True, "reason": "known gap"},
    "reason": {"reason": "-- late"},
    "batch_size": {"batch_size": 7},
    "parallel": {"parallel": 3},
    "max_retries": {"max_retries": 0},
    **{name: {name: False} for name in ("canary", "brake")},
    **{name: {name: True} for name in ("force", "failed", "outdated", "newest_first")},
}


@pytest.mark.parametrize("name", [field.name for field in fields(Options)])
def test_every_option_has_its_flag_and_reads_back_from_the_command(name: str) -> None:
    asked = Options(**{"start": START, "end": START, **CHANGED[name]})
    renamed = {"canary": "no-canary", "brake": "no-pause-on-error", "outdated": "stale"}
    flag = f"--{renamed.get(name, name).replace('_', '-')}"
    assert flag in re.split("[ =]", command(asked))
    assert typed(command(asked)) == asked
