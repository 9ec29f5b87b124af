"""A walk over every page of the panel, as viewer and as operator, with the data that it needs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils.timezone import now

from backfill.models import Finding, Job, Launch, Run
from backfill.warehouse.tables import INPUTS
from tests.factories import rewrite
from tests.seasons.inputs import input_file
from tests.webapp.demo import FAULTY, START, YEAR, Demo
from tests.webapp.link_checks import NEVER_RUN
from tests.webapp.test_every_url import NAMED, QUERY, TABLE, address
from webapp.models import Token, User
from webapp.ui.links import with_query

ODD = "O'Neal/Jr. ½ #1?"


@pytest.fixture(scope="module")
def two_seasons(demo_rows: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's warehouse with a newer season that was never run, and an odd name."""
    folder = tmp_path_factory.mktemp("two") / "warehouse"
    shutil.copytree(Path(demo_rows.warehouse.partition(":")[2]), folder)
    return folder


def _rename_a_player(warehouse: Path) -> None:
    """Give a player of the faulty date an odd name, in Phase 3 and on that date."""
    first = warehouse / "nba_precompute/player_shot_zone_analysis"
    with duckdb.connect() as db:
        (name,) = db.sql(
            f"SELECT min(player_lookup) FROM '{first}/analysis_date={FAULTY}/part.parquet'"
        ).fetchall()[0]
        phase3 = [input_file(warehouse, t, YEAR) for t in INPUTS]
        for file in (*phase3, *sorted(warehouse.glob(f"*/*/*={FAULTY}/**/*.parquet"))):
            columns = {row[0] for row in db.sql(f"DESCRIBE FROM '{file}'").fetchall()}
            for column in columns & {"player_lookup", "entity_id"}:
                odd = ODD.replace("'", "''")
                renamed = f"CASE {column} WHEN '{name}' THEN '{odd}' ELSE {column} END"
                rewrite(file, f"SELECT * REPLACE ({renamed} AS {column}) FROM t")


@pytest.fixture
def seasons(demo: Demo, two_seasons: Path, settings: Any) -> None:
    settings.WAREHOUSE_URL = f"parquet:{two_seasons}"
    if not (two_seasons / "simulated").exists():
        call_command("simulate_season", str(NEVER_RUN), "--json")
        _rename_a_player(two_seasons)
        (two_seasons / "simulated").touch()


@pytest.fixture
def values(seasons: None) -> dict[str, str]:
    """A job in each state, a retry, launches, a preset and a token; and the values for URLs."""
    first = Job.objects.get()
    for number, state in enumerate(Job.Status.values):
        _make_job(first, state, START + timedelta(days=46 + number))
    retry = _make_job(first, Job.Status.SUCCEEDED, FAULTY, retry_of=first)
    leaving_out = replace(first.parsed_options, dates=(START, FAULTY), end=FAULTY)
    common = {"options": leaving_out.as_json(), "actor": "olga"}
    Launch.objects.create(**common, state=Launch.State.SAVED, name="two dates")
    Launch.objects.create(**common, start_at=now() + timedelta(days=1))
    launch = Launch.objects.create(**common, needs_approval="it is large")
    marked = Finding.objects.order_by("-severity")[0]
    Finding.objects.filter(pk=marked.pk).update(state=Finding.State.ACKNOWLEDGED)
    token, _ = Token.issue(User.objects.create(username="olga", role="operator"), "cron")
    run = Run.objects.filter(job=first, processor="PSZA", date=FAULTY).get()
    pks = {
        "number": first.pk,
        "other": retry.pk,
        "finding": marked.pk,
        "launch": launch.pk,
        "run": run.pk,
    }
    numbers = {**pks, "pk": first.pk, "token": token.pk}
    return {**NAMED, **{name: str(number) for name, number in numbers.items()}}


def _make_job(first: Job, state: str, day: Any, retry_of: Job | None = None) -> Job:
    """Make a job like the first one, of one date, whose runs are as the job is."""
    runs = {
        Job.Status.SUCCEEDED: Run.Status.COMPLETE,
        Job.Status.FAILED: Run.Status.FAILED,
        Job.Status.CANCELLED: Run.Status.CANCELLED,
    }
    options = replace(first.parsed_options, start=day, end=day).as_json()
    ended = now() if state in Job.ENDED else None
    job = Job.objects.create(
        status=state, options=options, actor="olga", retry_of=retry_of, code_version="1",
        batch_size=1, created_at=now(), finished_at=ended,
    )  # fmt: skip
    status = runs.get(Job.Status(state), Run.Status.PENDING)
    for code in job.parsed_options.processors:
        Run.objects.create(job=job, processor=code, date=day, batch=0, status=status)
    return job


def start_urls(values: dict[str, str]) -> list[str]:
    """Every URL that answers a GET; those that show a season in both of them."""
    found = [
        f"{reverse(name)}?season={year}"
        for name in ("home", "rates", "coverage", "triage", "players", "retries", "runs", "jobs")
        for year in (YEAR, NEVER_RUN)
    ]
    found += [
        f"{reverse('triage')}?state=all&notes=1",
        f"{reverse('runs')}?older=1",
        f"{reverse('retries')}?season={YEAR}&look=1",
        f"{reverse('backfill_new')}?start={START}&end={FAULTY}&exclude=2021-11-02",
        f"{reverse('entities', args=[FAULTY, 'PSZA'])}?category=row",
        reverse("entity", args=[FAULTY, "PSZA", ODD]),
        *(reverse("job", args=[job.pk]) for job in Job.objects.all()),
    ]
    pages = sorted(name for name in TABLE if TABLE[name].operator in (200, 302))
    for name in pages:
        url = address(name, values)
        found.append(with_query(url, **QUERY.get(name, {})))
    return found
