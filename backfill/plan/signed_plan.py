"""Signed previews: the form carries the plan, and the start reports changes since the preview."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from django.core import signing

from backfill.errors import Refused
from backfill.models import Key
from backfill.plan.date_lists import format_dates, parse_dates
from backfill.plan.planning import Plan, PlannedAction
from backfill.processors.registry import CHAIN

SALT = "backfill.plan.signed_plan"
SHOWN = 3
REVIEW = "review the new preview, then start it"
WORDS = {
    PlannedAction.RUN: "run",
    PlannedAction.SKIP: "skip",
    PlannedAction.KEEP: "keep",
    PlannedAction.NONE: "no run",
    PlannedAction.LEAVE: "leave out",
}
Decided = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class PlanDiff:
    """A changed decision about one (processor, date), as action and reason; None outside a plan."""

    processor: str
    date: date
    before: Decided | None
    after: Decided | None

    def __str__(self) -> str:
        return f"{self.date} {self.processor}: {_words(self.before)} → {_words(self.after)}"


def signature(plan: Plan) -> str:
    """Return a digest of a plan: its options, and the action, reason and batch of every run."""
    runs = "\n".join(
        f"{r.processor} {r.date} {r.action} {r.batch} {r.overwrites} {r.reason}" for r in plan.runs
    )
    return sha256(
        f"{sorted(plan.options.as_json().items())}\n{plan.batch_size}\n{runs}".encode()
    ).hexdigest()[:32]


def seal(plan: Plan) -> str:
    """Sign a plan as a text of a few kilobytes, which `drift` reads."""
    dates: dict[tuple[str, str, str], list[date]] = {}
    for run in plan.runs:
        dates.setdefault((run.processor, str(run.action), run.reason), []).append(run.date)
    runs = [[*decided, format_dates(days)] for decided, days in dates.items()]
    content = {"options": plan.options.as_json(), "signature": signature(plan), "runs": runs}
    return signing.dumps(content, salt=SALT, compress=True)


def drift(sealed: str, plan: Plan) -> list[PlanDiff]:
    """Return the changes from the signed plan, by date. Raises Refused on a bad signature."""
    before, after = (
        dict(_decided(_opened(sealed))),
        {r.key: (str(r.action), r.reason) for r in plan.runs},
    )
    keys = sorted(before.keys() | after.keys(), key=lambda key: (key[1], CHAIN.index(key[0])))
    return [
        PlanDiff(
            processor=processor,
            date=day,
            before=before.get((processor, day)),
            after=after.get((processor, day)),
        )
        for processor, day in keys
        if before.get((processor, day)) != after.get((processor, day))
    ]


def changes_text(sealed: str, plan: Plan) -> str:
    """Describe the changes from the signed plan in one sentence; empty without a change.

    Raises Refused on a bad signature.
    """
    opened = _opened(sealed)
    if opened["signature"] == signature(plan):
        return ""
    options = plan.options.as_json()
    if other := [name for name in options if options[name] != opened["options"].get(name)]:
        return f"options changed since the preview ({', '.join(other)}); {REVIEW}"
    if not (changes := drift(sealed, plan)):
        return f"batches changed since the preview; {REVIEW}"
    dates = len({change.date for change in changes})
    hidden = len(changes) - SHOWN
    more = f"; and {hidden} more change{'s' * (hidden > 1)}" if hidden > 0 else ""
    counted = f"{dates} date{'s' * (dates > 1)} changed since the preview"
    return f"{counted}: {'; '.join(map(str, changes[:SHOWN]))}{more}"


def _opened(sealed: str) -> dict[str, Any]:
    try:
        opened: dict[str, Any] = signing.loads(sealed, salt=SALT)
    except signing.BadSignature:
        raise Refused(f"the signature of this preview is invalid; {REVIEW}") from None
    return opened


def _decided(opened: dict[str, Any]) -> Iterator[tuple[Key, Decided]]:
    for code, action, reason, dates in opened["runs"]:
        yield from (((code, day), (action, reason)) for day in parse_dates(dates))


def _words(decided: Decided | None) -> str:
    if decided is None:
        return "not in the plan"
    action, reason = decided
    return f"{WORDS[PlannedAction(action)]} ({reason})"
