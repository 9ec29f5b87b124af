"""Numbers of a processor are defined once: changing one changes every text that contains it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import template
from validation import thresholds
from validation.columns import FEATURES, OUTPUTS
from validation.processor_rules import CODES

ROOT = Path(__file__).parents[2]


def rendered(code: str, **changes: object) -> str:
    """Return the statement of a processor declared with other numbers."""
    processor = PROCESSORS[code]
    return template("result").render(
        processor=processor,
        numbers=replace(processor.numbers, **changes),  # type: ignore[type-var]
        body=f"{code.lower()}.sql",
    )


@pytest.mark.parametrize(
    ("code", "changes", "text", "gone"),
    [
        ("TDZA", {"league_days": 9}, "INTERVAL 9 DAY", "INTERVAL 30 DAY"),
        ("TDZA", {"sample_games": 10}, "' of 10 games before '", "15 games before"),
        ("TDZA", {"league_teams": 4}, "_teams >= 4 THEN", "_teams >= 10 THEN"),
        ("PSZA", {"sample_games": 5}, "' of 5 games before '", "10 games before"),
        ("PCF", {"many_minutes": 77}, "> 77, 10, 0)", "240"),
        ("PDC", {"required_games": 4}, "n < 4 THEN", "n < 5 THEN"),
        ("ML", {"rest_limit": 6}, "-6), 6), 0)", "-2), 2), 0)"),
    ],
)
def test_a_statement_is_rendered_from_the_declaration(
    code: str, changes: dict[str, object], text: str, gone: str
) -> None:
    before, after = rendered(code), rendered(code, **changes)
    assert (gone in before, text in before) == (True, False)
    assert (gone in after, text in after) == (False, True)


def test_every_feature_has_a_default_or_is_calculated() -> None:
    defaults = dict(thresholds.FEATURE_STORE.defaults)
    assert len(FEATURES) == thresholds.FEATURE_STORE.features
    assert defaults.keys() <= set(FEATURES)


def test_the_chain_is_defined_once() -> None:
    assert (CHAIN, OUTPUTS, tuple(PROCESSORS)) == (CODES, CODES, CODES)


CHANGED = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
from validation import thresholds
thresholds.TEAM_DEFENSE = thresholds.TeamDefense(sample_games=12)
thresholds.WINDOWS = (5, 10, 12, 20)
django.setup()
from backfill.audit import content_checks as content
from backfill.processors.render import render
from backfill.warehouse.tables import TDZA
from validation import expectation
from validation.processor_rules import RULES
print(
    expectation.DEFENSE_WINDOW, RULES["TDZA"].window, RULES["TDZA"].minimum,
    "12 games before" in render("TDZA"), "15 games before" in render("TDZA"),
    "the newest 12 games" in content.render("tdza"), "age <= 12" in content.render("tdza"),
    TDZA.by_name["games_in_sample"].meaning,
)
"""


def test_the_sample_of_tdza_has_one_home() -> None:
    """Expectation, outlook, statement, audit and column description follow one changed number."""
    made = subprocess.run(
        [sys.executable, "-c", CHANGED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert made.stdout.split(maxsplit=7) == [
        "12",
        "12",
        "12",
        "True",
        "False",
        "True",
        "True",
        "games in the sample, 12\n",
    ]


EVERY = (
    thresholds.TEAM_DEFENSE, thresholds.SHOT_ZONES, thresholds.COMPOSITE, thresholds.DAILY_CACHE,
    thresholds.FEATURE_STORE, thresholds.COMPLETENESS,
)  # fmt: skip


def test_every_number_is_read_somewhere() -> None:
    files = [
        *ROOT.glob("backfill/**/*.sql"),
        *ROOT.glob("backfill/**/*.py"),
        *ROOT.glob("validation/*.py"),
    ]
    read = "".join(f.read_text(encoding="utf-8") for f in files)
    names = {field.name for numbers in EVERY for field in fields(numbers)}
    assert [name for name in names if f".{name}" not in read] == []
