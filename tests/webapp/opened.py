"""Filters that each page opened with, by their query parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from tests.webapp.page_links import Visit
from validation.season import usual_season_year
from webapp.pages.rates.filters import ends_text

# Parameters that choose a part of a page, an order or a dialog, and select no data.
OF_DISPLAY = {"size", "page", "sort", "look", "seen", "evidence", "notes", "runs", "show", "asked"}


def _text(values: Mapping[str, Any]) -> dict[str, set[str]]:
    """Convert values to the form that they have in a URL."""
    return {
        name: {str(v) for v in (value if isinstance(value, list | tuple) else [value])}
        for name, value in values.items()
    }


def _runs(page: Any) -> dict[str, Any]:
    search = page["search"]
    names = {"date": "day"}
    keys = ("processor", "state", "season", "date", "start", "end", "job", "code", "run_id")
    found = {key: getattr(search, names.get(key, key)) for key in keys}
    return {**found, "text": search.text, "older": int(search.older)}


def _rates(page: Any) -> dict[str, Any]:
    chosen = page["chosen"]
    seasons = [season.year for season in chosen.seasons]
    ranges = {"week": ends_text(chosen.weeks), "day": ends_text(chosen.days)}
    return {
        "season": seasons,
        "processor": chosen.code,
        "by": chosen.by,
        "view": chosen.view,
        "category": chosen.category,
        **ranges,
    }


def _results(page: Any) -> dict[str, Any]:
    chosen = page["chosen"]
    names = ("processor", "state", "status", "category")
    found = {name: getattr(chosen, name) for name in names}
    season, job = chosen.season and chosen.season.year, chosen.job and chosen.job.pk
    return {**found, "season": season or "", "job": job or "", "with": chosen.only}


def _triage(page: Any) -> dict[str, Any]:
    return {
        "q": "",
        **page["filters"].active,
        "auditing": page["pending_audit"] and page["pending_audit"].year,
    }


def _retry(page: Any) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for name, value in page["form"].given:
        found.setdefault(name, []).append(value)
    return {} if page["form"].errors else found


def _query(page: Any) -> dict[str, Any]:
    form = page["form"]
    return form.cleaned_data if form.is_valid() else {}


def _entities(page: Any) -> dict[str, Any]:
    return {"category": page["filters"].category, "q": page["filters"].q}


def _form(page: Any) -> dict[str, Any]:
    return dict(page["form"].typed)


SHOWN: Mapping[str, Callable[[Any], dict[str, Any]]] = MappingProxyType(
    {
        "home": lambda page: {"season": page["season"].year},
        "coverage": lambda page: {"season": page["year"], "table": page["table"]},
        "results": _results,
        "players": lambda page: {"season": page["season"].year, "q": page["part"]},
        "retries": lambda page: {"season": page["year"]},
        "date": lambda page: {"processor": page["code"]},
        "jobs": lambda page: page["asked"].__dict__,
        "runs": _runs,
        "rates": _rates,
        "rates_entities": _rates,
        "triage": _triage,
        "retry": _retry,
        "query": _query,
        "entities": _entities,
        "entity": _entities,
        "backfill_new": _form,
    }
)


def dropped(visit: Visit) -> dict[str, list[str]]:
    """Return the parameters of a link that its page did not open with."""
    shown = SHOWN.get(visit.link.name)
    if shown is None or visit.answer.context is None:
        return {}
    page = _text(shown(visit.answer.context))
    asked = {name: v for name, v in visit.link.query.items() if name not in OF_DISPLAY}
    return {name: values for name, values in asked.items() if page.get(name) != set(values)}


def season_of(visit: Visit) -> str:
    """Return the season whose data a page shows; empty for none or for all of them."""
    if visit.answer.context is None or visit.link.name not in SHOWN:
        return ""
    shown = SHOWN[visit.link.name](visit.answer.context)
    if visit.link.name in ("backfill_new", "query") and shown.get("start"):
        return str(usual_season_year(date.fromisoformat(str(shown["start"]))))
    season = shown.get("season") or ""
    return str(season[0] if isinstance(season, list) else season)
