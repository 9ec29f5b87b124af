"""URLs of the panel benchmark: every page, fragment, export and read of the API for one season.

`check_complete` compares them with webapp/urls.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from panel_setup import FIRST_YEAR

PAGE_MS = 150
NO_HEADERS: Mapping[str, str] = {}
FRAGMENT: Mapping[str, str] = {"HX-Request": "true"}
# URLs without a page of their own: redirects, changes, and pages that this data cannot have.
NOT_MEASURED = {
    *("api", "dates", "tokens_moved", "logout"),
    *("backfill_preset", "load_upload", "load_preview", "load_start", "load_remove"),
    *("triage_audit", "triage_mark", "system_batch_limit", "token_revoke", "token_renew"),
    "live",  # menu for pages without a URL of their own
    "login",  # redirects a logged-in user
    "readyz",  # 503 without workers
}


class Url(NamedTuple):
    """Measured URL: its limit in CPU milliseconds, 0 for none, and the headers of htmx."""

    path: str
    limit: int = PAGE_MS
    headers: Mapping[str, str] = NO_HEADERS
    statuses: tuple[int, ...] = (200,)


def urls(year: int) -> dict[str, Url]:
    """Return everything that is measured for one season."""
    pages = {name: Url(path) for name, path in page_urls(year).items()}
    loaded = {name: Url(path, headers=FRAGMENT) for name, path in fragment_urls(year).items()}
    others = {name: Url(path, 0) for name, path in (export_urls(year) | api_urls(year)).items()}
    return pages | loaded | others


def page_urls(year: int) -> dict[str, str]:
    """Return the pages for one season."""
    from backfill.models import Finding, Launch

    day, start, end = f"{year + 1}-01-15", f"{year}-10-01", f"{year + 1}-06-30"
    first, last = _jobs(day)
    finding = Finding.objects.filter(season=year).order_by("-severity", "rank").first()
    launch, _ = Launch.objects.get_or_create(
        actor="bench", options=_options(last), needs_approval="it is large"
    )
    name = entity(year, day)
    new = f"start={start}&end={end}&what=everything&reason=bench"
    found = {
        "Home": f"/?season={year}",
        "New backfill": f"/backfills/new/?{new}",
        "New backfill, date by date": f"/backfills/new/plan/?{new}",
        "New backfill, a launch": f"/backfills/new/launches/{launch.pk}/approve/",
        "Jobs": "/jobs/",
        "Job": f"/jobs/{last}/",
        "Job, its runs": f"/jobs/{last}/?runs=all",
        "Job, error groups": f"/jobs/{last}/groups/",
        "Job, events": f"/jobs/{last}/events/",
        "Job, one run": f"/jobs/{last}/PSZA/{day}/",
        **{f"Job, {verb}": f"/jobs/{last}/{verb}/" for verb in ("pause", "resume", "cancel")},
        "Job, concurrency limit": f"/jobs/{last}/limit/",
        "Two jobs, selection": f"/jobs/{last}/compare/",
        "Two jobs": f"/jobs/{last}/compare/{first}/",
        "Retry": f"/jobs/{last}/retry/",
        "Retry, plan included": f"/jobs/{last}/retry/?look=1",
        "Retry, everything": f"/jobs/{last}/retry/?look=1&include_expected=on&override=on&reason=b",
        "Retries of a season": f"/retry/?season={year}&look=1",
        "Date": f"/dates/{day}/",
        "Date, a processor": f"/dates/{day}/?processor=PDC",
        "Date, a run": f"/dates/{day}/run/PSZA/",
        "Date, validation": f"/dates/{day}/validation/",
        "Entities": f"/dates/{day}/PSZA/",
        "Timeline of an entity": f"/dates/{day}/PSZA/{name}/",
        "Rates": f"/rates/?season={year}",
        "Rates, two seasons by date": f"/rates/?season={year}&season={FIRST_YEAR}&by=date",
        "Triage": f"/triage/?season={year}",
        "Coverage": f"/coverage/?season={year}",
        "Coverage, a table": f"/coverage/?season={year}&table=PGS&show=all",
        "Runs": "/runs/",
        "Runs, filtered": f"/runs/?processor=PSZA&state=complete&season={year}",
        "Runs, last page": "/runs/?page=100",
        "Load": f"/load/?season={year}",
        "Players": "/players/?q=ja",
        "Player": f"/players/{year}/{name}/",
        "Queries": "/queries/",
        "Guide": "/guide/",
        "Guide, a topic": "/guide/failures/",
        "Guide, a search": "/guide/?q=cascade",
        "System": "/system/",
        "Tokens": "/system/tokens/",
        "Password": "/password/",
        "API, documentation": "/api/docs",
    }
    if finding:
        found |= {
            "Finding": f"/triage/{finding.pk}/",
            "Finding, evidence": f"/triage/{finding.pk}/?evidence=1",
        }
    from backfill import queries

    dates = f"start={year}-11-01&end={year}-11-30"
    return found | {f"Query {n}": f"/queries/{n}/?{dates}" for n in queries.names()}


def fragment_urls(year: int) -> dict[str, str]:
    """Return the fragments that a page loads after itself, or after a keystroke."""
    from backfill.models import Finding

    day = f"{year + 1}-01-15"
    last = _jobs(day)[1]
    finding = Finding.objects.filter(season=year).order_by("-severity", "rank").first()
    new = f"start={year}-10-01&end={year + 1}-06-30&reason=bench"
    name = entity(year, day)
    found = {
        "preview of a season": f"/backfills/new/preview/?{new}",
        "preview of a season, everything": f"/backfills/new/preview/?{new}&what=everything",
        "plan of a retry": f"/jobs/{last}/retry/",
        "plan of a retry, everything": f"/jobs/{last}/retry/?include_expected=on&override=on&reason=b",
        "retries of a season": f"/retry/?season={year}",
        "validation of a date": f"/dates/{day}/validation/",
        "validation of another date": f"/dates/{year + 1}-02-0{1 + year % 9}/validation/",
        "failed entities": f"/dates/{day}/PSZA/?category=failed",
        "neighbors of an entity": f"/dates/{day}/neighbors/PSZA/{name}/",
        "error groups": f"/jobs/{last}/groups/",
        "events": f"/jobs/{last}/events/?runs=1",
        "rerun of a processor": f"/dates/{day}/run/PSZA/?with=after",
        "list of findings": f"/triage/?season={year}&q=a",
    }
    return found | ({"evidence": f"/triage/{finding.pk}/evidence/"} if finding else {})


def live_pages(year: int) -> dict[str, str]:
    """Return an open page of every kind; all change while a job of the season runs."""
    from backfill.models import Job

    return {
        "job": f"/jobs/{Job.objects.latest('pk').pk}/",
        "Home": f"/?season={year}",
        "Jobs": "/jobs/",
        "Triage": "/triage/",
        "Runs": "/runs/",
        "Date": f"/dates/{year + 1}-01-15/",
        "Coverage": f"/coverage/?season={year}",
        "Rates": f"/rates/?season={year}",
        "System": "/system/",
        "New backfill": "/backfills/new/",
        "Guide": "/guide/",
    }


def export_urls(year: int) -> dict[str, str]:
    """Return the downloads."""
    day = f"{year + 1}-01-15"
    last = _jobs(day)[1]
    dates = f"start={year}-11-01&end={year}-11-30"
    return {
        "export: report.json": f"/jobs/{last}/report.json",
        "export: report.csv": f"/jobs/{last}/report.csv",
        "export: runs": f"/runs.csv?season={year}",
        "export: entities": f"/dates/{day}/PSZA.csv",
        "export: query": f"/queries/failure-rates.csv?{dates}",
    }


def api_urls(year: int) -> dict[str, str]:
    """Return every GET of the API, and what monitoring reads."""
    from backfill.models import Finding, Job
    from webapp.api.urls import api

    day, finding = f"{year + 1}-01-15", Finding.objects.order_by("pk").first()
    values: dict[str, Any] = {"year": year, "name": "failure-rates"}
    jobs, findings = Job.objects.order_by("-pk")[0].pk, finding.pk if finding else 0
    query = {
        "/api/validate": f"?start={day}&end={day}",
        "/api/queries/{name}": f"?start={year}-11-01&end={year}-11-30",
        "/api/loads/{table}": f"?season={year}",
    }
    found = {"openapi": "/api/openapi.json", "metrics": "/metrics"}
    for path, methods in api.get_openapi_schema(path_prefix="/api/")["paths"].items():
        if "get" in methods:
            known = values | {"number": findings if "findings" in path else jobs}
            found[f"API {path}"] = path.format(**known) + query.get(path, "")
    return found


def entity(year: int, day: str) -> str:
    """Return a player with a row on that day."""
    from backfill.warehouse import warehouse
    from backfill.warehouse.tables import PGS

    sql = f"SELECT MIN(player_lookup) AS name FROM {PGS} WHERE game_date <= @day AND season_year = @year"
    values = {"day": date.fromisoformat(day), "year": year}
    return str(warehouse().query(sql, values)[0]["name"])


def _jobs(day: str) -> tuple[int, int]:
    """Return the first and the last job that ran this date."""
    from backfill.models import Run

    found = Run.objects.filter(date=day, processor="PSZA", status=Run.Status.COMPLETE)
    jobs = found.order_by("pk").values_list("job_id", flat=True)
    return jobs[0], jobs.last()


def _options(job: int) -> Any:
    from backfill.models import Job

    return Job.objects.get(pk=job).options


def check_complete(measured: Iterable[Url]) -> None:
    """Raise SystemExit if a named URL of the panel is not measured."""
    from django.urls import URLPattern, get_resolver, resolve

    def named(patterns: Iterable[Any], prefix: str = "") -> Iterator[str]:
        for one in patterns:
            route = prefix + str(one.pattern)
            if isinstance(one, URLPattern):
                yield str(one.name or "")
            elif not re.match(r"admin/|api/", route):
                yield from named(one.url_patterns, route)

    reached = {resolve(url.path.partition("?")[0]).url_name for url in measured}
    missing = {*named(get_resolver().url_patterns)} - reached - NOT_MEASURED - {""}
    if missing:
        raise SystemExit(f"URLs that no benchmark requests: {', '.join(sorted(missing))}")
