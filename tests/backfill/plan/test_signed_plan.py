from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from backfill.errors import Refused
from backfill.models import Key
from backfill.plan.options import Options
from backfill.plan.planning import Plan, plan
from backfill.plan.signed_plan import PlanDiff, changes_text, drift, seal, signature
from backfill.processors.registry import CHAIN
from validation.season import Calendar, Game

OPENING = date(2021, 10, 19)
LAST = date(2022, 4, 10)
CALENDAR = Calendar(
    Game(game_date=OPENING + timedelta(days=n), season_year=2021)
    for n in range((LAST - OPENING).days + 1)
    if n % 15
)


def make_plan(done: set[Key] | None = None, games: Calendar = CALENDAR, **options: Any) -> Plan:
    wanted = Options(**{"start": OPENING, "end": LAST, "canary": False, **options})
    return plan(wanted, games.days(wanted.start, wanted.end), done or set())


def on(k: int) -> date:
    return OPENING + timedelta(days=k)


def test_the_same_plan_has_the_same_signature_and_no_drift() -> None:
    assert signature(make_plan()) == signature(make_plan())
    assert changes_text(seal(make_plan()), make_plan()) == ""
    assert drift(seal(make_plan()), make_plan()) == []


@pytest.mark.parametrize(
    "other",
    [
        {"done": {("ML", on(50))}},
        {"force": True},
        {"batch_size": 3},
        {"reason": "x"},
        {"processors": ("ML",)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_is_shown_is_in_the_signature(other: dict[str, Any]) -> None:
    assert signature(make_plan(**other)) != signature(make_plan())


def test_what_has_changed_is_said_date_by_date() -> None:
    dates: dict[str, Any] = {"start": on(20), "end": on(25), "processors": ("PSZA",)}
    sealed = seal(make_plan(**dates))
    now = make_plan({("PSZA", on(k)) for k in (21, 22, 24, 25)}, **dates)
    assert drift(sealed, now)[0] == PlanDiff(
        processor="PSZA",
        date=on(21),
        before=("run", "not complete"),
        after=("keep", "already complete"),
    )
    was = "PSZA: run (not complete) → keep (already complete)"
    assert changes_text(sealed, now) == (
        f"4 dates changed since the preview: {on(21)} {was}; {on(22)} {was}; {on(24)} {was}; and 1 more change"
    )
    again = make_plan({("PSZA", on(21))}, **dates)
    assert changes_text(seal(make_plan({("PSZA", on(21))}, **dates)), make_plan(**dates)) == (
        f"1 date changed since the preview: {on(21)} PSZA: keep (already complete) → run (not complete)"
    )
    assert changes_text(seal(again), again) == ""


def test_a_game_that_is_called_off_is_a_change() -> None:
    off = Calendar(game for game in CALENDAR.games if game.game_date != on(20))
    dates: dict[str, Any] = {"start": on(20), "end": on(20), "processors": ("PSZA",)}
    (change,) = drift(seal(make_plan(**dates)), make_plan(games=off, **dates))
    assert str(change) == f"{on(20)} PSZA: run (not complete) → no run (no games)"


def test_other_options_are_named_and_other_batches_are_noticed() -> None:
    sealed = seal(make_plan())
    assert changes_text(sealed, make_plan(force=True, batch_size=2)) == (
        "options changed since the preview (force, batch_size); review the new preview, then start it"
    )
    otherwise = replace(make_plan(), batch_size=9)
    said = "batches changed since the preview; review the new preview, then start it"
    assert changes_text(sealed, otherwise) == said


def test_a_broken_seal_is_refused() -> None:
    sealed = seal(make_plan())
    for broken in ("", "x", sealed[:-3], sealed[3:], f"{sealed}x"):
        with pytest.raises(Refused, match="the signature of this preview is invalid"):
            changes_text(broken, make_plan())


def test_a_season_travels_in_a_few_kilobytes() -> None:
    done = {
        (code, on(k)) for k in range(20, 160) for n, code in enumerate(CHAIN) if (k * 7 + n) % 3
    }
    assert len(seal(make_plan(done))) < 8_000
