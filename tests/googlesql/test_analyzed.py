"""Google's analyzer accepts every statement that the BigQuery adapter can send."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import get_resolver, reverse

from backfill import column_shares, input_checks, queries, statements
from backfill.models import Finding, Job
from backfill.plan.input_signatures import Phase3
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.processors.render import inlined
from backfill.status.error_groups import ErrorGroup, evidence_query
from backfill.warehouse.bigquery import sql
from backfill.warehouse.bigquery.kept import WRITES, all_tables, kept
from backfill.warehouse.port import Version
from backfill.warehouse.tables import FAILURES, INPUTS, OUTPUTS, PGS, SCHED, TABLES
from tests.backfill.shell import Shell
from tests.googlesql.engine import Content, Database
from tests.googlesql.sent import ASKED, Sent, declared, recording
from tests.seasons.tiny import (
    FIRST,
    LAST,
    OPENING,
    SECOND,
    THIRD,
    cut,
    give,
    load_season,
    part,
    season_rows,
)
from tests.webapp.test_every_url import TABLE, patterns
from validation.categories import PROCESSING_ERROR
from validation.columns import SOURCES
from webapp.models import User

pytestmark = [
    pytest.mark.specification,
    pytest.mark.xdist_group("googlesql"),
    pytest.mark.django_db(transaction=True),
]

BASE = django_settings.BASE_DIR
# Names under which the code holds a warehouse, in addition to calling `warehouse()`.
HELD = ("warehouse", "source", "target")


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def operator(client: Client, settings: Any) -> Client:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.SECURE_SSL_REDIRECT = False
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "static_files" not in m]
    client.force_login(User.objects.create(username="olga", role="operator"))
    return client


def test_whatever_the_product_sends_is_googlesql(
    settings: Any,
    own_warehouse: Path,
    tmp_path: Path,
    shell: Shell,
    operator: Client,
    record_property: Callable[[str, object], None],
) -> None:
    settings.AUDIT_AFTER_JOBS = True
    with recording() as sent:
        use_everything(own_warehouse, tmp_path, shell, operator)
    assert sent.database.refused(sent.statements.values()) == []
    assert sorted(places_that_ask() - reached(sent)) == []
    record_property("statements analyzed", len(sent.statements))


def use_everything(warehouse: Path, folder: Path, shell: Shell, operator: Client) -> None:
    """Use every feature on a season with a bug and a damaged partition.

    Load, run, audit, open, run live, and copy it.
    """
    load_season(folder / "phase3")
    give(
        PGS,
        [row | ({"points": -1} if row["game_date"] == FIRST else {}) for row in season_rows(PGS)],
        folder,
    )
    # Without PDC, ML has a missing dependency.
    once = ("--no-canary", "--no-brake", "--skip-preflight", "--reason", "x")
    shell.backfill("--start", FIRST, "--end", FIRST, "--processors", "ML", *once)
    shell("retry", 1, "--include-expected", "--dry-run")
    Phase3.of([FIRST])  # queried for runs without stored signatures
    range_ = ("--start", OPENING, "--end", LAST)
    assert shell.backfill(*range_, *once, "--batch-size", 18).code in (0, 1)
    for name in queries.names():
        assert shell("query", name).code == 0
    shell("validate_pipeline", FIRST, LAST)
    shell("preflight_check", FIRST, "--end-date", LAST)
    for code in CHAIN:
        shell("run_processor", code, LAST, "--mode", "normal", "--skip-preflight", "--reason", "x")
    for name in TABLE:
        if url := address(name):
            operator.get(url, {"start": OPENING, "end": LAST})
    assert (
        shell("copy_warehouse", f"parquet:{warehouse}", f"parquet:{folder}/copy", *range_).code == 0
    )
    cut(part(warehouse, "TDZA", THIRD))
    shell("triage", *range_)
    give(SCHED, [row for row in season_rows(SCHED) if row["game_date"] != SECOND], folder)
    shell("triage", *range_)
    shell("remove_rows", "--dates", SECOND)


ROUTES = {one.name: one for one in patterns(get_resolver().url_patterns) if one.name}


def address(name: str) -> str:
    """Return the URL of this name for an existing object; empty if there is none."""
    job, finding = Job.objects.first(), Finding.objects.exclude(query="").first()
    assert job
    assert finding
    pk = finding.pk if name.startswith("finding") else job.pk
    values = {
        "day": SECOND,
        "code": "TDZA",
        "processor": "TDZA",
        "year": OPENING.year,
        "topic": "brake",
        "kind": "json",
    }
    values |= {
        "number": job.pk,
        "other": job.pk,
        "pk": pk,
        "name": "failure-counts" if name.startswith("query") else somebody(),
    }
    wanted = ROUTES[name].pattern.regex.groupindex
    return (
        reverse(name, kwargs={key: values[key] for key in wanted})
        if wanted.keys() <= values.keys()
        else ""
    )


def somebody() -> str:
    """Return a player with a run."""
    return season_rows(PGS)[0]["player_lookup"]


def places_that_ask() -> set[tuple[str, str, int, int]]:
    """Return the product's warehouse calls: file, called name, first and last line."""
    files = [
        file
        for folder in ("backfill", "webapp")
        for file in (BASE / folder).rglob("*.py")
        if "warehouse" not in file.parts
    ]
    return {
        (str(file.relative_to(BASE)), asked.attr, node.lineno, node.end_lineno or 0)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(asked := node.func, ast.Attribute)
        if asked.attr in ASKED and is_warehouse(asked.value)
    }


def is_warehouse(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in (
            "warehouse",
            "writable_warehouse",
        )
    return isinstance(node, ast.Name) and node.id in HELD


def reached(sent: Sent) -> set[tuple[str, str, int, int]]:
    lines = {
        (str(file.relative_to(BASE)), line)
        for file, line in sent.lines
        if file.is_relative_to(BASE)
    }
    return {
        place
        for place in places_that_ask()
        if any((place[0], line) in lines for line in range(place[2], place[3] + 1))
    }


# Statements outside the port


def test_what_is_asked_about_partitions_is_googlesql() -> None:
    texts = [sql.listing(), sql.season_spans(), *map(sql.input_dates, INPUTS)]
    assert schema().refused([(text, {}) for text in texts]) == []


def test_what_is_sent_for_versions_is_googlesql() -> None:
    slices = ((FAILURES, "SomeProcessor"), *((table, "") for table in OUTPUTS))
    writes, picks = str(WRITES), ((SECOND, Version(5, datetime(2022, 1, 1, tzinfo=UTC))),)
    note = sql.Note(slices=slices, dates=(FIRST, SECOND), token=7, work="w")
    asked = [(sql.live_tokens(writes, slices), {"dates": "ARRAY<DATE>"})]
    asked += [(sql.version_copies(tuple((t, str(kept(t))) for t, _ in slices)), {})]
    asked += [(sql.version_note(note, writes), {})]
    for table, name in slices:
        place = str(kept(table))
        rows = {"live_dates": "ARRAY<DATE>"}
        asked += [
            (sql.version_copy(note, (table, name), place, writes), {}),
            (sql.versions(table, name, place), {"dates": "ARRAY<DATE>"}),
            (sql.version_rows(table, name, place, picks), rows),
            (sql.version_rows(table, name, place, ()), rows),
            (sql.version_prune(place), {"until": "TIMESTAMP"}),
        ]
    assert schema().refused(asked) == []


@pytest.mark.parametrize("code", CHAIN)
def test_a_diff_of_versions_is_googlesql(code: str) -> None:
    output = PROCESSORS[code].output
    sides = {
        f"{side}_{name}": declared(table)
        for side in ("old", "new")
        for name, table in (("rows", output), ("failures", FAILURES))
    }
    database = Database(sides)
    columns = [c for c in output.hashed if c.name not in output.key]
    numbers, arrays = ([c for c in columns if c.is_array is is_array] for is_array in (False, True))
    values = statements.render(
        "diff-values", table=output, columns=tuple(numbers), arrays=tuple(arrays)
    )
    assert database.refused([(values, {})]) == []
    database.tables["changed_values"] = Content(database.columns(values, {}))
    texts = [
        statements.render("diff-counts", table=output),
        statements.render("diff-columns"),
        statements.render("diff-entities", table=output, most=9),
    ]
    assert database.refused([(text, {}) for text in texts]) == []


def test_checks_of_the_inputs_are_googlesql() -> None:
    names = sorted(f.stem for f in statements.FOLDER.glob("input-s*.sql"))
    names += ["input-names", "input-teams", "input-zones"]
    texts = [input_checks.statement(name, only) for name in names for only in ("", "TRUE")]
    asked = [(text, {"season_start": "DATE"}) for text in texts]
    shares = [
        (column_shares.statement(table, by_team=by_team), {"season_start": "DATE"})
        for table in SOURCES
        for by_team in (False, table != "TOGS")
    ]
    assert "input-sum-rows" in names
    assert schema().refused([*asked, *shares]) == []


def test_the_declared_tables_are_googlesql() -> None:
    assert Database({}).refused([(table.ddl(), {}) for table in TABLES]) == []


def test_a_processor_with_its_parameters_written_in_is_googlesql() -> None:
    assert schema().refused([(inlined(code, LAST, OPENING), {}) for code in CHAIN]) == []


def test_what_shows_the_rows_behind_an_error_group_is_googlesql() -> None:
    groups = [
        ErrorGroup(
            id="g",
            processor=code,
            what=PROCESSING_ERROR.name,
            count=1,
            dates=(SECOND,),
            sample="a text",
            entities=("o'neal",),
        )
        for code in CHAIN
    ]
    assert schema().refused([(evidence_query(group, OPENING), {}) for group in groups]) == []


def test_the_queries_of_the_runbook_are_googlesql_as_they_stand() -> None:
    texts = (
        (BASE / "tests" / "backfill" / "runbook_queries.sql")
        .read_text(encoding="utf-8")
        .split("-- next statement")
    )
    assert len(texts) > 3
    assert schema().refused([(text, {}) for text in texts]) == []


def test_what_is_not_googlesql_is_refused() -> None:
    wrong = [
        "SELECT x FROM",
        "SELECT nothing FROM nba_analytics.player_game_summary",
        "SELECT FORMAT('%.1f', 1)",
        "SELECT 1::TEXT",
    ]
    assert len(schema().refused([(text, {}) for text in wrong])) == len(wrong)


def schema() -> Database:
    return Database({str(table): declared(table) for table in (*TABLES, *all_tables())})
