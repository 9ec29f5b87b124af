"""What may be sent, made from the very classes that the system takes, so that neither lacks what
the other has.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from ninja import Schema
from pydantic import ConfigDict, Field, create_model

from backfill.errors import Refused
from backfill.plan.date_lists import parse_dates, without
from backfill.plan.options import Options, chosen
from backfill.plan.retry_selection import Selection
from backfill.processors.registry import processor
from webapp.ui.query_params import MAX_REASON

Text = Annotated[str, Field(max_length=MAX_REASON)]  # which somebody writes for others to read
Limit = Annotated[int, Field(ge=1, le=1000)]  # of rows in an answer


class Strict(Schema):
    """A field that nobody knows is a mistake, not nothing."""

    model_config = ConfigDict(extra="forbid")


def made_from(cls: type, name: str, **instead: Any) -> type[Strict]:
    """A schema with the fields of a dataclass and their defaults, some of them `instead` as (type,
    default).
    """
    hints = get_type_hints(cls)
    own = {f.name: (hints[f.name], ... if f.default is MISSING else f.default) for f in fields(cls)}
    return create_model(name, __base__=Strict, **{**own, **instead})


class ReasonIn(Strict):
    """Why; stored with the change."""

    reason: Text = ""


class ResumeIn(ReasonIn):
    """`brake` changes whether a bug pauses the job again."""

    brake: bool | None = None


class CancelIn(ReasonIn):
    """`force` also stops what runs."""

    force: bool = False


class LimitIn(ReasonIn):
    """How many batches may be in flight."""

    batches: int


class MarkIn(ReasonIn):
    """What somebody makes of a finding: acknowledged, expected, fixed, or open again."""

    state: str


if TYPE_CHECKING:
    OptionsIn = Strict
    StartIn = Strict
    SelectionIn = Strict
    RetryIn = Strict
else:
    DATES = {
        "start": (date | None, None),
        "end": (date | None, None),
        "dates": (
            str,
            Field("", description="2021-11-01..2021-11-30, 2021-12-04; instead of start and end"),
        ),
        "exclude": (str, Field("", description="as dates")),
        "processors": (
            list[str],
            Field([], description="by code or name; all of them without any"),
        ),
    }
    PREVIEWED = (
        str,
        Field("", description="what a preview has `sealed`: refuses to start another plan"),
    )
    START_AT = (datetime | None, Field(None, description="not before then"))
    OptionsIn = made_from(Options, "Options", **DATES, reason=(Text, ""))
    StartIn = made_from(
        Options, "Start", **DATES, reason=(Text, ""), previewed=PREVIEWED, start_at=START_AT
    )
    SelectionIn = made_from(Selection, "Selection", processors=(list[str], []))
    RetryIn = made_from(Selection, "Retry", processors=(list[str], []), reason=(Text, ""))


def options_of(given: Strict) -> Options:
    """The options that somebody means. Raises Refused."""
    sent = given.model_dump(include={f.name for f in fields(Options)} | {"exclude"})
    start, end, dates, exclude = (sent.pop(name) for name in ("start", "end", "dates", "exclude"))
    sent["processors"] = chosen(sent["processors"])
    if not dates and (start is None or end is None):
        raise Refused("name start and end, or dates")
    if not dates and not exclude:
        return Options(start, end, **sent)
    wanted = parse_dates(dates) or Options(start, end).days
    return Options.of_dates(without(wanted, parse_dates(exclude)), **sent)


def selection_of(given: Strict) -> Selection:
    """The failures that somebody means. Raises Refused."""
    sent = given.model_dump(include={f.name for f in fields(Selection)})
    return Selection(
        **{**sent, "processors": tuple(processor(name).code for name in sent["processors"])}
    )
