"""Panel with ten seasons and 20,000 runs: server time per page and fragment, bytes, memory, and
browsers during a job.

    .venv/bin/python bench/panel.py [--seasons 10] [--runs 20000] [--rounds 20] [--keep FOLDER]
    [--only pages|web|browsers]

One process requests the pages in rounds: each round requests every page of one season and then its
fragments, and the next round those of the next season, so that cached values of one season must
outlast the others. The first round of a season is the cold one. Wall and CPU time, because machines
have other work too. Then the whole installation runs here (gunicorn, workers, sweep, Redis): bytes
of a first load, memory over 2,000 requests, and bench/browsers.py. With --keep the folder is kept
and reused by the next run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from panel_setup import FIRST_YEAR, FORCED, ROOT, client, manage, p95, season_of

PAGES_MS, FRAGMENTS_MS = 250, 40


def prepare(var: Path, seasons: int, runs: int) -> None:
    """Load and run seasons with faults, then run them again up to the requested number of rows."""
    var.mkdir(parents=True, exist_ok=True)
    if (var / "ready").exists():
        return
    manage(var, "migrate", "-v0")
    manage(var, "simulate_season", str(FIRST_YEAR), "--seasons", str(seasons), "--faults", "--json")
    for n in range(max(seasons, round(runs / 820))):
        manage(
            var, "backfill", *season_of(FIRST_YEAR + n % seasons), *FORCED, "--inline", check=False
        )
    (var / "ready").touch()


def page_urls(year: int) -> dict[str, str]:
    """Return every page of webapp/urls.py for one season."""
    from backfill.models import Finding, Job, Run

    day, start, end = f"{year + 1}-01-15", f"{year}-10-01", f"{year + 1}-06-30"
    counted = Run.objects.filter(date=day, processor="PSZA", status=Run.Status.COMPLETE).order_by(
        "pk"
    )
    job, last = counted[0].job_id, counted.last().job_id
    finding = Finding.objects.filter(season=year).order_by("-severity", "rank").first()
    name = entity(year, day)
    assert Job.objects.filter(pk=job).exists()
    new = f"start={start}&end={end}&what=everything&reason=bench"
    return {
        "Home": f"/?season={year}",
        "New backfill": f"/backfills/new/?{new}",
        "New backfill, date by date": f"/backfills/new/plan/?{new}",
        "Jobs": "/jobs/",
        "Job": f"/jobs/{last}/",
        "Job, its runs": f"/jobs/{last}/?runs=all",
        "Job, error groups": f"/jobs/{last}/groups/",
        "Job, events": f"/jobs/{last}/events/",
        "Job, one run": f"/jobs/{last}/PSZA/{day}/",
        "Job, report.json": f"/jobs/{last}/report.json",
        "Two jobs": f"/jobs/{last}/compare/{job}/",
        "Retry": f"/jobs/{last}/retry/?look=1",
        "Retries of a season": f"/retry/?season={year}&look=1",
        "Date": f"/dates/{day}/",
        "Date, a run": f"/dates/{day}/run/PSZA/",
        "Date, validation": f"/dates/{day}/validation/",
        "Entities": f"/dates/{day}/PSZA/",
        "Timeline of an entity": f"/dates/{day}/PSZA/{name}/",
        "Rates": f"/rates/?season={year}",
        "Rates, two seasons by date": f"/rates/?season={year}&season={FIRST_YEAR}&by=date",
        "Triage": f"/triage/?season={year}",
        "Finding": f"/triage/{finding.pk}/" if finding else "/triage/",
        "Finding, evidence": f"/triage/{finding.pk}/evidence/" if finding else "/triage/",
        "Coverage": f"/coverage/?season={year}",
        "Coverage, a table": f"/coverage/?season={year}&table=PGS&show=all",
        "Runs": "/runs/",
        "Runs, filtered": f"/runs/?processor=PSZA&state=complete&season={year}",
        "Runs, last page": "/runs/?page=100",
        "Players": "/players/?q=ja",
        "Player": f"/players/{year}/{name}/",
        "Queries": "/queries/",
        "Query": f"/queries/failure-rates/?start={year}-11-01&end={year}-11-30",
        "Guide": "/guide/",
        "Guide, a topic": "/guide/failures/",
        "System": "/system/",
        "API, season grid": f"/api/seasons/{year}",
        "Metrics": "/metrics",
    }


def entity(year: int, day: str) -> str:
    """Return a player with a row on that day."""
    from backfill.warehouse import warehouse
    from backfill.warehouse.tables import PGS

    sql = f"SELECT MIN(player_lookup) AS name FROM {PGS} WHERE game_date <= @day AND season_year = @year"
    from datetime import date

    return str(warehouse().query(sql, {"day": date.fromisoformat(day), "year": year})[0]["name"])


def fragment_urls(year: int) -> dict[str, str]:
    """Return polled fragments, and the preview, which is requested after every keystroke."""
    from django.utils.timezone import now

    from backfill.models import Job
    from backfill.status.event_cursor import EventCursor
    from webapp.models import User
    from webapp.pages.job.live import live

    newest = Job.objects.order_by("-pk").first()
    mark, _, rest = live(newest, User.objects.get(username="bench"), "", now()).seen.partition("-")
    events, job = newest.events.order_by("-pk")[25].pk, newest.pk
    before = EventCursor(events, EventCursor.parsed(mark).known - 25)
    return {
        "polled: active jobs": "/active/",
        "polled: list of jobs": "/jobs/list/",
        "polled: a job, nothing new": f"/jobs/{job}/live/?seen={mark}-{rest}",
        "polled: a job, 25 events new": f"/jobs/{job}/live/?seen={before}-{rest}",
        "polled: date, its chain": f"/dates/{year + 1}-01-15/chain/",
        "polled: system": "/system/live/",
        "polled: audit status": "/triage/judged/",
    }


def preview_urls(year: int) -> dict[str, str]:
    new = f"start={year}-10-01&end={year + 1}-06-30&reason=bench"
    return {
        "preview of a season": f"/backfills/new/preview/?{new}",
        "preview of a season, everything": f"/backfills/new/preview/?{new}&what=everything",
    }


def pages(seasons: int, rounds: int) -> None:
    """Measure every page in this process, with its number of queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    browser = client()
    taken: dict[str, list[tuple[float, float]]] = {}
    answers: dict[str, str] = {}
    for n in range(seasons + rounds):
        year = FIRST_YEAR + n % seasons
        for limit, urls in (
            (PAGES_MS, page_urls(year) | preview_urls(year)),
            (FRAGMENTS_MS, fragment_urls(year)),
        ):
            for name, url in urls.items():
                began, worked = time.perf_counter(), time.process_time()
                answer = browser.get(url)
                b"".join(answer) if answer.streaming else answer.content
                taken.setdefault(name, []).append(
                    (1000 * (time.perf_counter() - began), 1000 * (time.process_time() - worked))
                )
                answers.setdefault(name, f"{answer.status_code} {url}  |{limit}")
    last = FIRST_YEAR + seasons - 1
    print(
        f"{'ms, wall and CPU':34} {'cold':>6} {'p50':>6} {'p95':>6} {'CPU':>6} {'CPU95':>6}  queries    KiB  sent"
    )
    for name, url in (page_urls(last) | preview_urls(last) | fragment_urls(last)).items():
        with CaptureQueriesContext(connection) as queries:
            answer = browser.get(url)
        body = b"".join(answer) if answer.streaming else answer.content
        cold, warm = taken[name][:seasons], taken[name][seasons:]
        wall, cpu = [w for w, _ in warm], [c for _, c in warm]
        where, _, limit = answers[name].partition("|")
        slow = "" if p95(cpu) < int(limit) else "  SLOW"
        print(
            f"{name:34} {max(w for w, _ in cold):6.0f} {statistics.median(wall):6.0f} {p95(wall):6.0f}"
            f" {statistics.median(cpu):6.0f} {p95(cpu):6.0f}  {len(queries):7}  {len(body) / 1024:6.1f}"
            f"  {where.strip()}{slow}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seasons", type=int, default=10)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=("pages", "web", "browsers"))
    given = parser.parse_args()
    var = given.keep or Path(tempfile.mkdtemp())
    os.environ["DATA_DIR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    sys.path.insert(0, str(ROOT))
    try:
        prepare(var, given.seasons, given.runs)
        import browsers
        import django

        from webapp.ops import static_files

        django.setup()
        static_files.collect()
        if given.only in (None, "pages"):
            pages(given.seasons, given.rounds)
        if given.only in (None, "web"):
            browsers.web(
                var,
                [
                    page_urls(FIRST_YEAR + n) | fragment_urls(FIRST_YEAR + n)
                    for n in range(given.seasons)
                ],
            )
        if given.only in (None, "browsers"):
            browsers.load(var)
    finally:
        if not given.keep:
            shutil.rmtree(var)


if __name__ == "__main__":
    main()
