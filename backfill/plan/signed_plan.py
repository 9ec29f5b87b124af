"""A plan as somebody has seen it, sealed: it travels with the form, and what has changed since can
be said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from django.core import signing

from backfill.errors import Refused
from backfill.plan.date_lists import format_dates, parse_dates
from backfill.plan.planning import Key, Plan, PlannedAction
from backfill.processors.registry import CHAIN

SALT = "backfill.plan.signed_plan"
SHOWN = 3
WORDS = {
    PlannedAction.RUN: "to run",
    PlannedAction.SKIP: "to be skipped",
    PlannedAction.KEEP: "to be kept",
    PlannedAction.NONE: "no date to run",
    PlannedAction.LEAVE: "to be left",
}
Decided = tuple[str, str]


@dataclass(frozen=True)
class PlanDiff:
    """One (processor, date) that is decided otherwise now, each time as action and reason; None
    where it was not at all.
    """

    processor: str
    date: date
    before: Decided | None
    after: Decided | None

    def __str__(self) -> str:
        return (
            f"{self.date} {self.processor} was {_words(self.before)}, is {_words(self.after)} now"
        )


def signature(plan: Plan) -> str:
    """A digest of all that a preview shows of a plan: its options, and each run's action, reason
    and batch.
    """
    runs = "\n".join(
        f"{r.processor} {r.date} {r.action} {r.batch} {r.overwrites} {r.reason}" for r in plan.runs
    )
    return sha256(
        f"{sorted(plan.options.as_json().items())}\n{plan.batch_size}\n{runs}".encode()
    ).hexdigest()[:32]


def seal(plan: Plan) -> str:
    """The plan as a signed text of a few kilobytes, which `drift` opens."""
    dates: dict[tuple[str, str, str], list[date]] = {}
    for run in plan.runs:
        dates.setdefault((run.processor, str(run.action), run.reason), []).append(run.date)
    runs = [[*decided, format_dates(days)] for decided, days in dates.items()]
    content = {"options": plan.options.as_json(), "signature": signature(plan), "runs": runs}
    return signing.dumps(content, salt=SALT, compress=True)


def drift(sealed: str, plan: Plan) -> list[PlanDiff]:
    """What a plan decides otherwise than the sealed one, by date. Raises Refused when the seal is
    broken.
    """
    before, after = (
        dict(_decided(_opened(sealed))),
        {r.key: (str(r.action), r.reason) for r in plan.runs},
    )
    keys = sorted(before.keys() | after.keys(), key=lambda key: (key[1], CHAIN.index(key[0])))
    return [
        PlanDiff(*key, before.get(key), after.get(key))
        for key in keys
        if before.get(key) != after.get(key)
    ]


def changes_text(sealed: str, plan: Plan) -> str:
    """What has changed since a plan was sealed, in one sentence; empty when it is still the same.

    Raises Refused when the seal is broken.
    """
    opened = _opened(sealed)
    if opened["signature"] == signature(plan):
        return ""
    options = plan.options.as_json()
    if other := [name for name in options if options[name] != opened["options"].get(name)]:
        return f"the preview was made with other options ({', '.join(other)}); look at the new one, and start that"
    if not (changes := drift(sealed, plan)):
        return "the dates are in other batches than in the preview; look at the new one, and start that"
    dates = len({change.date for change in changes})
    more = f"; and {len(changes) - SHOWN} more changes" if len(changes) > SHOWN else ""
    counted = f"{dates} date{'s' * (dates > 1)} changed since the preview"
    return f"{counted}: {'; '.join(map(str, changes[:SHOWN]))}{more}"


def _opened(sealed: str) -> dict[str, Any]:
    try:
        opened: dict[str, Any] = signing.loads(sealed, salt=SALT)
    except signing.BadSignature:
        raise Refused(
            "this preview was not made here, or was cut off on its way; look at a new one, and start that"
        ) from None
    return opened


def _decided(opened: dict[str, Any]) -> Iterator[tuple[Key, Decided]]:
    for code, action, reason, dates in opened["runs"]:
        yield from (((code, day), (action, reason)) for day in parse_dates(dates))


def _words(decided: Decided | None) -> str:
    if decided is None:
        return "no part of it"
    action, reason = decided
    return f"{WORDS[PlannedAction(action)]} ({reason})"
