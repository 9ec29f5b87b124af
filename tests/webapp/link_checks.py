"""Checks of a followed link: its page answers and opens with the link's filters and counts."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from backfill.models import Finding, Job, Launch
from backfill.plan.options import Options
from backfill.season_calendar import load_calendar, season_name
from tests.webapp.demo import YEAR
from tests.webapp.opened import dropped, season_of
from tests.webapp.page_links import ONE_SEASON, Link, Visit
from webapp.pages.home import MOST_FINDINGS
from webapp.pages.new_backfill.link import query_of

NEVER_RUN = YEAR + 1
SEASON_NAMES = {name for year in (YEAR, NEVER_RUN) for name in (str(year), season_name(year))}


def wrong_with(visit: Visit) -> str:
    """Return the error of a link's answer; empty if it is correct."""
    if visit.answer.status_code not in (200, 204):
        return f"{visit.answer.status_code}"
    missing = _started_from(visit) if visit.link.name == "backfill_new" else dropped(visit)
    if missing:
        return f"opens without {missing}"
    return _other_season(visit) or _other_count(visit)


def _started_from(visit: Visit) -> dict[str, Any]:
    """Return the form values in the link that the form did not open with."""
    if visit.answer.context is None:
        return {}
    query = {name: values[0] for name, values in visit.link.query.items()}
    expected: dict[str, Any] = {}
    if number := query.pop("job", ""):
        expected = _fields(Job.objects.get(pk=number).parsed_options)
    if number := query.pop("preset", ""):
        expected = _fields(Launch.objects.get(pk=number).parsed_options)
    if number := query.pop("finding", ""):
        action = Finding.objects.get(pk=number).action or {}
        expected = {"start": action["start"], "end": action["end"], "of_finding": number}
    if year := query.pop("season", ""):
        days = load_calendar().season(int(year))
        expected = {"start": str(days[0].day), "end": str(days[-1].day)}
    typed = visit.answer.context["form"].typed
    expected |= {name: value for name, value in query.items() if name != "pick"}
    return {name: value for name, value in expected.items() if typed.get(name) != value}


def _fields(options: Options) -> dict[str, str]:
    found = dict(parse_qsl(query_of(options, reason="")))
    return {name: found[name] for name in ("start", "end", "dates", "processors") if name in found}


def _other_season(visit: Visit) -> str:
    """Return an error if a page of one season links to another; its tabs and the menu may."""
    link = visit.link
    (here,) = Link(page="", url=link.page).query.get("season", [""])
    is_choice = link.is_menu or link.text in SEASON_NAMES
    is_same = link.name == Link(page="", url=link.page).name
    clears = is_same and link.query.keys() <= {"state", "notes"}
    if not here or is_choice or clears or link.name not in ONE_SEASON:
        return ""
    return "" if season_of(visit) == here else f"season {season_of(visit)!r} from {here}"


NUMBER = re.compile(r"(?<!Phase )\b\d[\d,]*\b")
# The page with the link shows the first entries of these lists; the link counts the rest.
BEGUN = {"home": MOST_FINDINGS, "job": 20}
# System counts failures, and Triage lists findings.
COUNTS_OTHERS = {"system"}


def count_of(visit: Visit) -> int | None:
    """Return the number of entries in the text of a link to a list."""
    link, source = visit.link, Link(page="", url=visit.link.page).name
    found = NUMBER.findall(link.text)
    is_list = link.name in ("triage", "entities") and source not in COUNTS_OTHERS
    if not is_list or not found or {"page", "q"} & link.query.keys():
        return None
    begun = BEGUN.get(source, 0) if "more" in link.text else 0
    return int(found[-1].replace(",", "")) + begun


def _other_count(visit: Visit) -> str:
    """Return an error if a link to a list counts other entries than the list has."""
    expected = count_of(visit)
    if expected is None or "size" in visit.link.query:  # its text is the page size
        return ""
    context = visit.answer.context
    total = context["listing" if visit.link.name == "triage" else "page"].total
    return "" if total == expected else f"{total} listed, {visit.link.text!r}"
