"""Sixth processor for this test module: a declaration, one `.sql` and an entry in the expectation.

All other parts follow from these. `docs/adding-a-processor.md` is the walkthrough.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse

from backfill.audit.marking import run_audit
from backfill.drilldown.entity_report import report_entity
from backfill.execution import dispatch
from backfill.execution import execute as execution
from backfill.execution.inline import run_inline
from backfill.execution.queue import canvas
from backfill.jobs.retry import preview_retry, retry_job
from backfill.jobs.retry_selection import Selection
from backfill.jobs.start import start_job
from backfill.models import AuditResult, Finding, Job, SeasonAudit
from backfill.plan.options import chosen
from backfill.processors.registry import CHAIN, PROCESSORS, registered
from backfill.processors.render import render
from backfill.queries import named
from backfill.status.failure_rates import rates_of
from backfill.warehouse import warehouse
from backfill.warehouse.tables import OUTPUTS, TABLES, TDGS
from tests.backfill.working import batch_of, in_flight, make_job, run_all
from tests.factories import AWAY, HOME
from tests.rest_summary import NUMBERS, OUTPUT, TRS
from tests.seasons.tiny import (
    FIRST,
    LAST,
    NIGHTS,
    PROCESSING,
    SECOND,
    THIRD,
    break_on,
    failures_of,
    give,
    make_options,
    rows_of,
    season_rows,
)
from tests.webapp.calls import Program
from validation.findings import kinds
from validation.processor_rules import CODES
from webapp.models import Role

pytestmark = [pytest.mark.database, pytest.mark.django_db]

SIX = ("TDZA", "PSZA", "PCF", "PDC", "ML", "TRS")
PAIR = ("TDZA", "TRS")
RANGE = {"start": str(FIRST), "end": str(LAST)}
NO_ROW = f"no row for {FIRST} in nba_precompute.team_defense_zone_analysis"


@pytest.fixture(scope="module", autouse=True)
def sixth() -> Iterator[None]:
    with registered(TRS):
        yield
    assert (*CHAIN,) == (*CODES,) == (*PROCESSORS,) == SIX[:-1]
    assert OUTPUT not in (*OUTPUTS, *TABLES)


@pytest.fixture(scope="module")
def audited(
    sixth: None, django_db_setup: None, django_db_blocker: Any, tiny: Path, tmp_path_factory: Any
) -> Iterator[str]:
    """Run and audit a chain of six over the tiny season once; return its warehouse."""
    folder = shutil.copytree(tiny, tmp_path_factory.mktemp("six") / "warehouse")
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(WAREHOUSE_URL=f"parquet:{folder}"):
            run_all(make_job(batch_size=4))
            run_audit()
        yield f"parquet:{folder}"
        transaction.set_rollback(True)


@pytest.fixture
def job(audited: str, db: None, settings: Any) -> Job:
    settings.WAREHOUSE_URL = audited
    return Job.objects.get()


def text_of(client: Client, name: str, *args: object, **query: object) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200, answer.get("Location", "")
    return unescape(answer.content.decode())


# Plan and form


@pytest.mark.usefixtures("season")
def test_the_form_offers_it_and_starts_it_with_the_others(operator: Client) -> None:
    html = text_of(operator, "backfill_new", **RANGE)
    assert re.findall(r'name="processors" value="(\w+)"', html) == [*SIX]
    assert TRS.label in html
    typed = {**RANGE, "reason": "a sixth"}
    (seal,) = re.findall(
        r'name="previewed" value="([^"]+)"', text_of(operator, "backfill_new", **typed)
    )
    answer = operator.post(reverse("backfill_new"), {**typed, "previewed": seal})
    assert answer.status_code == 302
    job = Job.objects.get()
    assert job.parsed_options.processors == SIX
    assert job.runs.filter(processor="TRS").count() == len(PROCESSING)


@pytest.mark.usefixtures("season")
def test_a_program_names_it_and_it_runs_alone() -> None:
    answer = Program(Role.OPERATOR).post("jobs/preview", **RANGE, processors=["trs"])
    assert answer.document["options"]["processors"] == ["TRS"]
    job = start_job(make_options(SECOND, SECOND, processors=chosen([TRS.name])), "ann", inline=True)
    assert job
    run_inline(job, "ann")
    assert [values[2] for values in failures_of("TRS")] == 2 * ["MISSING_DEPENDENCY"]


# Chain


@pytest.mark.usefixtures("season")
def test_the_workers_run_it_after_what_it_waits_for() -> None:
    job = make_job(batch_size=4)
    dispatch.dispatch()
    made = canvas(batch_of(job, in_flight(job)[0]))
    assert made
    codes = re.findall(r'"([A-Z]{2,4})"', json.dumps(made))
    assert (sorted(codes), codes.index("TDZA") < codes.index("TRS")) == (sorted(SIX), True)


def test_it_writes_a_row_or_a_classified_failure_for_every_team(job: Job) -> None:
    assert (job.status, len(rows_of("TRS"))) == ("succeeded", 2 * len(PROCESSING[1:]))
    assert rows_of("TRS", SECOND)[0]["games_in_last_7_days"] == NUMBERS.recent_days
    assert failures_of("TRS") == [
        (FIRST, team, "MISSING_DEPENDENCY", NO_ROW, True) for team in (HOME, AWAY)
    ]


# Panel


def test_the_grid_has_a_row_of_it(job: Job, viewer: Client) -> None:
    html = text_of(viewer, "home")
    cells = re.findall(r'class="cell s-(\w+)" id="cell-TRS-([-\d]+)"', html)
    states = {day: state for state, day in cells if day >= str(FIRST)}
    assert states == {str(FIRST): "expected"} | {str(day): "complete" for day in PROCESSING[1:]}


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("date", (SECOND,)), ("entities", (FIRST, "TRS")), ("entity", (FIRST, "TRS", HOME)),
        ("player", (2021, HOME)), ("runs", ()), ("coverage", ()), ("triage", ()),
        ("topic", ("processors",)), ("topic", ("season",)),
    ],
)  # fmt: skip
def test_a_page_of_processors_has_it(
    job: Job, viewer: Client, name: str, args: tuple[object, ...]
) -> None:
    assert "TRS" in text_of(viewer, name, *args)


def test_a_failure_is_traced_to_its_root_and_its_end_is_foreseen(job: Job) -> None:
    found = report_entity(FIRST, "TRS", HOME)
    assert (found.root, found.minimum, found.window) == (
        "TDZA: INSUFFICIENT_DATA",
        NUMBERS.required_games,
        NUMBERS.examined_games,
    )
    assert (found.outlook.games, found.outlook.day) == (1, SECOND)


def test_its_failure_rates_are_counted(job: Job, viewer: Client) -> None:
    points = rates_of(2021)["TRS"]
    assert [(p.population, p.failed, p.must_fail) for p in points] == [(2, 2, 2), *3 * [(2, 0, 0)]]
    assert "TRS" in text_of(viewer, "rates", processor="TRS")


def test_programs_read_it(job: Job, viewer: Client) -> None:
    cells = Program(Role.VIEWER).get("seasons/2021").document["cells"]
    assert [*cells] == [*SIX]
    assert {cell["state"] for cell in cells["TRS"]} == {"bootstrap", "expected", "complete"}
    assert 'processor="TRS"' in viewer.get(reverse("metrics")).content.decode()


def test_tables_and_queries_name_it(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("tables")
    assert f"## {OUTPUT}" in capsys.readouterr().out
    found = {row["proc"]: row["dates"] for row in named("month-status").rows(FIRST, LAST)}
    assert found == {**dict.fromkeys(SIX, 4), "TDZA": 3, "TRS": 3}
    rates = named("failure-rates").rows(FIRST, SECOND)
    assert [r["failure_pct"] for r in rates if r["processor_name"] == TRS.name] == [100, 0]


# Audit


def test_the_audit_expects_its_failures(job: Job) -> None:
    assert SeasonAudit.objects.get().compared == len(SIX) * len(PROCESSING)
    assert [found for found in Finding.objects.all() if "TRS" in found.processors] == []
    found = AuditResult.objects.filter(processor="TRS").order_by("date")
    assert [(r.population, r.expected) for r in found] == [
        (2, {"MISSING_DEPENDENCY": 2}),
        *3 * [(2, {})],
    ]


@pytest.mark.usefixtures("season")
def test_what_the_games_do_not_explain_is_a_finding() -> None:
    run_all(make_job(batch_size=4, processors=PAIR))
    warehouse().replace(OUTPUT, [THIRD], f"SELECT * FROM {OUTPUT} LIMIT 0", {"dates": [THIRD]})
    run_audit()
    (found,) = (f for f in Finding.objects.filter(kind=kinds.UNACCOUNTED.name))
    assert (found.processors, found.dates, found.count) == (["TRS"], [str(THIRD)], 2)
    assert "--processors TRS" in str(found.action)
    assert warehouse().query(found.query) == []


@pytest.mark.usefixtures("season")
def test_an_impossible_value_fails_it_while_its_own_window_holds_the_game(tmp_path: Path) -> None:
    """TDZA checks the newest fifteen games, TRS five of the same rows."""
    rows = season_rows(TDGS)
    for row in rows:
        if (row["game_date"], row["defending_team_abbr"]) == (NIGHTS[10], HOME):
            row["points_allowed"] = -1
    give(TDGS, rows, tmp_path)
    run_all(make_job(batch_size=4, processors=PAIR))
    (season,) = run_audit()
    assert season.unexplained == 0
    assert [category for _, team, category, *_ in failures_of("TRS") if team == HOME] == [
        "PROCESSING_ERROR",
        "PROCESSING_ERROR",
        "MISSING_DEPENDENCY",
        "MISSING_DEPENDENCY",
    ]


# Retry


@pytest.mark.usefixtures("season")
def test_a_retry_takes_what_broke_and_leaves_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, operator: Client
) -> None:
    break_on(monkeypatch, "TRS", THIRD)
    job = run_all(make_job(batch_size=4, processors=PAIR))
    assert job.runs.get(processor="TRS", date=THIRD).status == "failed"
    monkeypatch.setattr(execution, "render", render)
    job.runs.filter(processor="TRS").update(sql_hash="0ther5q1")
    found = preview_retry(job, Selection(processors=("TRS",)))
    assert [run.key for run in found.plan.todo] == [("TRS", THIRD)]
    assert [(out.date, out.what) for out in found.left_out] == [(FIRST, "MISSING_DEPENDENCY")]
    assert 'value="TRS"' in text_of(operator, "retry", job.pk)
    again = run_inline(retry_job(job, Selection(), "bob", "fixed", inline=True), "bob")
    assert (again.status, len(rows_of("TRS", THIRD))) == ("succeeded", 2)


@pytest.mark.usefixtures("season")
def test_it_is_blocked_where_upstream_broke_and_retried_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_on(monkeypatch, "TDZA", THIRD)
    job = run_all(make_job(batch_size=4, processors=PAIR))
    found = dict(job.runs.filter(processor="TRS").values_list("date", "status"))
    assert found == {FIRST: "complete", SECOND: "complete", THIRD: "blocked", LAST: "complete"}
    retry = preview_retry(job, Selection(override=True))
    assert [run.key for run in retry.plan.todo] == [("TDZA", THIRD), ("TRS", THIRD)]
