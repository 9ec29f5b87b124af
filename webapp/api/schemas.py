"""Request bodies of the API, derived from the dataclasses they become."""

from __future__ import annotations

from dataclasses import MISSING, fields
from dataclasses import Field as DataclassField
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from ninja import Schema
from pydantic import ConfigDict, Field, create_model

from backfill.errors import InvalidOption, Refused
from backfill.jobs.confirmation import check_overwrites
from backfill.jobs.retry_selection import Selection
from backfill.jobs.start import Confirm, confirmed
from backfill.plan.date_lists import HOW_TO_WRITE, parse_dates, without
from backfill.plan.option_fields import default_of, spec_of
from backfill.plan.options import FIELDS as OPTIONS
from backfill.plan.options import TYPES, Options, chosen
from backfill.processors.registry import processor
from webapp.api.body import At, Day
from webapp.ui.query_params import MAX_REASON

INSTEAD = ("start", "end", "dates", "processors")  # optional here, or written as text
Text = Annotated[str, Field(max_length=MAX_REASON)]
Limit = Annotated[int, Field(ge=1, le=1000)]  # of rows in an answer


# Descriptions of the fields of a retry's selection.
SELECTION = {
    "start": "first date",
    "end": "last date, included",
    "categories": "failure categories, error classes, `blocked` or `cancelled`",
    "cells": "only these cells of the grid: PSZA,PDC 2021-11-01..2021-11-05; ML 2021-11-03",
    "groups": "ids of error groups, as a job lists them",
    "weeks": "season weeks",
    "include_expected": "include expected failures, which a retry does not fix",
    "override": "include failures that need a fix first; requires a reason",
}


class Strict(Schema):
    """Base of the request bodies: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


def made_from(cls: type, name: str, **instead: Any) -> type[Strict]:
    """Return a schema with the fields and defaults of a dataclass; `instead` replaces some by
    (type, default).
    """
    hints = get_type_hints(cls)
    own = {f.name: (hints[f.name], _field(f)) for f in fields(cls)}
    return create_model(name, __base__=Strict, **{**own, **instead})


def _field(field: DataclassField[Any]) -> Any:
    default = ... if field.default is MISSING else field.default
    return Field(default, description=SELECTION.get(field.name))


class ReasonIn(Strict):
    """Reason, stored with the change."""

    reason: Text = Field("", description="reason, stored with the change")


class ResumeIn(ReasonIn):
    """`brake` turns pause on error on or off."""

    brake: bool | None = Field(None, description="pause at the first bug; null leaves it unchanged")


class CancelIn(ReasonIn):
    """`force` also stops running batches."""

    force: bool = Field(False, description="stop running runs too")


class LimitIn(ReasonIn):
    """Concurrency limit: batches in flight."""

    batches: int = Field(description="maximum number of batches in flight")


class MarkIn(ReasonIn):
    """Mark of a finding: acknowledged, expected, fixed or open."""

    state: str = Field(description="acknowledged, expected, fixed, or open to remove the mark")


def option_field(name: str) -> tuple[Any, Any]:
    """Return type and field of a backfill option: default, description, bounds and choices.

    Bounds and choices only document: Options checks them, so that API, form and shell refuse with
    the same sentence.
    """
    option = OPTIONS[name]
    spec, default = spec_of(option), default_of(option)
    limits: dict[str, Any] = {} if spec.most is None else {"minimum": 0, "maximum": spec.most}
    limits |= {"enum": list(spec.choices)} if spec.choices else {}
    kind = Text if name == "reason" else TYPES[name]
    return kind, Field(default, description=spec.description, json_schema_extra=limits)


def option_fields() -> dict[str, tuple[Any, Any]]:
    """Return the fields of the backfill options, with the API's ways to name dates and
    processors.
    """
    described = {name: spec_of(option).description for name, option in OPTIONS.items()}
    return {
        **{name: option_field(name) for name in OPTIONS if name not in INSTEAD},
        "start": (Day | None, Field(None, description=described["start"])),
        "end": (Day | None, Field(None, description=described["end"])),
        "dates": (str, Field("", description=described["dates"])),
        "exclude": (str, Field("", description="excluded dates, written as `dates`")),
        "processors": (list[str], Field([], description=described["processors"])),
    }


if TYPE_CHECKING:
    OptionsIn = Strict
    StartIn = Strict
    SelectionIn = Strict
    RetryIn = Strict
    ApproveIn = ReasonIn
else:
    PROCESSOR_NAMES = (list[str], Field([], description=spec_of(OPTIONS["processors"]).description))
    PREVIEWED = (
        str,
        Field("", description="`sealed` of a preview; a plan that differs from it is refused"),
    )
    OVERWRITES = (
        int | None,
        Field(
            None,
            description="number of complete runs to overwrite, as the preview counts them; the start"
            " is refused if it differs",
        ),
    )
    START_AT = (At | None, Field(None, description="earliest start; UTC unless it has an offset"))
    OptionsIn = create_model("Options", __base__=Strict, **option_fields())
    StartIn = create_model(
        "Start", __base__=Strict, **option_fields(), previewed=PREVIEWED, start_at=START_AT,
        overwrites=OVERWRITES,
    )  # fmt: skip
    SELECTED = {
        "processors": PROCESSOR_NAMES,
        **{
            name: (Day | None, Field(None, description=SELECTION[name]))
            for name in ("start", "end")
        },
    }
    SelectionIn = made_from(Selection, "Selection", **SELECTED)
    RetryIn = made_from(
        Selection, "Retry", **SELECTED, reason=option_field("reason"), overwrites=OVERWRITES
    )
    ApproveIn = create_model("Approve", __base__=ReasonIn, overwrites=OVERWRITES)


def confirming(given: Strict) -> Confirm:
    """Return the check of a start: the number in the request body, if it has one."""
    number = given.model_dump()["overwrites"]
    if number is None:
        return confirmed
    return lambda preview: check_overwrites(preview, number, 'send "overwrites": {} to confirm')


def options_of(given: Strict) -> Options:
    """Return the options of a request body. Raises Refused."""
    sent = given.model_dump(include={f.name for f in fields(Options)} | {"exclude"})
    start, end, dates, exclude = (sent.pop(name) for name in ("start", "end", "dates", "exclude"))
    if sent["cells"]:
        if start or end or dates or exclude or sent.pop("processors"):
            raise InvalidOption("cells", "send cells, or dates and processors, not both")
        return Options.of_cells(**sent)
    sent["processors"] = chosen(sent["processors"])
    days = parse_dates(dates)
    if dates and not days:
        raise InvalidOption("dates", f"no dates given; {HOW_TO_WRITE}")
    if not days and (start is None or end is None):
        raise Refused("send start and end, or dates")
    if not days and not exclude:
        return Options(start=start, end=end, **sent)
    days = days or tuple(Options(start=start, end=end).days)
    return Options.of_dates(without(days, parse_dates(exclude)), **sent)


def selection_of(given: Strict) -> Selection:
    """Return the selected failures of a request body. Raises Refused."""
    sent = given.model_dump(include={f.name for f in fields(Selection)})
    return Selection(
        **{**sent, "processors": tuple(processor(name).code for name in sent["processors"])}
    )
