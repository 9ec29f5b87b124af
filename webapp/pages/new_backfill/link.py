"""Link of New backfill: the form's fields as a query string, and the defaults it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType

from django.http import QueryDict

from backfill.errors import Refused
from backfill.plan.cells import format_cells, parse_cells
from backfill.plan.option_fields import default_of
from backfill.plan.options import FIELDS, TYPES, Options, chosen
from backfill.processors.registry import CHAIN
from webapp.ui.form_fields import option_text

RANGE, LIST, CELLS = "range", "list", "cells"
DATES = ("start", "end", "dates")
# Rerun policies: the one flag of Options that each choice sets.
POLICIES: Mapping[str, Mapping[str, bool]] = {
    "missing": {},
    "failed": {"failed": True},
    "outdated": {"outdated": True},
    "everything": {"force": True},
}
POLICY_FLAGS = frozenset(flag for flags in POLICIES.values() for flag in flags)
# Options with a form field of their own.
OWN = tuple(name for name in FIELDS if name not in POLICY_FLAGS)
NUMBERS = tuple(name for name in OWN if TYPES[name] is int)
SWITCHES = tuple(name for name in OWN if TYPES[name] is bool)
# Text of each field of an untouched form; no dates yet, and "" for all processors of the chain.
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "by": RANGE,
        **dict.fromkeys((*DATES, "exclude", "processors"), ""),
        "what": "missing",
        **{
            name: option_text(name, default_of(FIELDS[name]))
            for name in OWN
            if name not in (*DATES, "processors")
        },
        "at": "",
        "of_finding": "",
    }
)
LONGEST_ADDRESS = 2000  # characters; gunicorn takes 4094 in all


def typed(query: QueryDict) -> dict[str, str]:
    """Return the text of each field from a query string. Raises Refused for a `start_from` outside
    the chain.
    """
    texts = {name: query.get(name, usual) for name, usual in usual_fields().items()}
    texts["processors"] = _codes(query)
    if "by" not in query and texts["dates"]:
        texts["by"] = LIST
    if texts["cells"]:
        with suppress(Refused):  # an address has the short form
            texts["cells"] = format_cells(parse_cells(texts["cells"]))
        texts["by"] = texts["by"] if "by" in query else CELLS
    return {name: value.replace("\r\n", "\n").strip() for name, value in texts.items()}


def usual_fields() -> dict[str, str]:
    """Return the text of each field of an untouched form."""
    return {**DEFAULTS, "processors": ",".join(CHAIN)}


def _codes(query: QueryDict) -> str:
    """Return the processors of a query string; all if it names none. The form sends an empty one,
    which stands for none.
    """
    if place := query.get("start_from"):
        return ",".join(
            chosen(start_from=int(place) if place.isdecimal() and len(place) < 5 else 0)
        )
    if "processors" not in query:
        return ",".join(CHAIN)
    return ",".join(
        word for part in query.getlist("processors") for word in part.split(",") if word
    )


def query_of(options: Options, **more: str) -> str:
    """Return the query string that fills the form with these options."""
    texts = {name: option_text(name, getattr(options, name)) for name in OWN}
    unused: tuple[str, ...] = ("start", "end") if options.dates else ("dates",)
    if options.cells:
        unused, texts["processors"] = DATES, ",".join(CHAIN)
    return address({**texts, **dict.fromkeys(unused, ""), "what": policy_of(options), **more})


def policy_of(options: Options) -> str:
    """Return the rerun policy that sets the flags of these options."""
    flags = {flag: True for flag in POLICY_FLAGS if getattr(options, flag)}
    return next(
        (name for name, own in POLICIES.items() if own and own.items() <= flags.items()), "missing"
    )


def is_long(query: str) -> bool:
    """Return True for a query string longer than common servers and proxies accept."""
    return len(query) > LONGEST_ADDRESS


def address(fields: Mapping[str, str]) -> str:
    """Return fields as a query string, without those at their default."""
    query, usual = QueryDict(mutable=True), usual_fields()
    query.update({name: value for name, value in fields.items() if value != usual[name]})
    return query.urlencode(safe=",:")
