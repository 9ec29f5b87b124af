"""BigQuery end to end: google-cloud-bigquery over HTTP, a fault proxy, an emulator.

The emulator's limits and their substitutes are in docs/bigquery-emulator.md.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from django.test import override_settings
from google.cloud.bigquery import SchemaField, TimePartitioning

from backfill import queries
from backfill.audit.marking import listed, run_audit
from backfill.errors import (
    Refused,
    StatementFailed,
    Superseded,
    WarehouseBusy,
    WarehouseError,
    WarehouseUnwritable,
)
from backfill.execution.inline import run_inline
from backfill.ingest.copy_warehouse import Copying, copy
from backfill.ingest.load import load
from backfill.ingest.selection import LoadSelection
from backfill.jobs.start import start_job
from backfill.models import Job, Run
from backfill.plan import input_signatures
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.season_calendar import source_rows, written_dates
from backfill.warehouse import open_warehouse
from backfill.warehouse.bigquery import jobs
from backfill.warehouse.bigquery.connection import EMULATOR, Place, connect
from backfill.warehouse.bigquery.errors import Stopped
from backfill.warehouse.bigquery.migrate import apply_differences, declared
from backfill.warehouse.bigquery.session import BigQueryWarehouse
from backfill.warehouse.content_hash import Content, WarehousePart, filled
from backfill.warehouse.port import Row, StoppedJobs, Work
from backfill.warehouse.schema import Table
from backfill.warehouse.tables import FAILURES, INPUTS, OUTPUTS, PGS, TDZA
from tests.backfill.shell import Answer, Shell
from tests.factories import file_of, game_rows, make_games, phase3_folder
from tests.programs import FindProgram
from tests.seasons.tiny import FIRST, LAST, NIGHTS, make_options
from tests.seasons.whole import whole_rows
from tests.system.emulator import PROJECT, emulating
from tests.system.fault_proxy import Fault, Proxy, proxying
from tests.system.installation import Installation

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("bigquery")]

URL = f"bigquery://{PROJECT}"
START = NIGHTS[13]  # one bootstrap date, then all others
# Columns that differ between runs.
OWN = ("run_id", "created_at", "processed_at", "started_at", "duration_seconds", "job_id")
PLACE = Place.of(URL)
OLD = f"old_{TDZA}"
KILLED_SEASON = "game_date >= DATE '2031-07-01'"


@pytest.fixture(scope="module")
def proxy(program: FindProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Start an emulator, and the proxy that all clients of this module use."""
    with (
        emulating(program("emulator"), tmp_path_factory.mktemp("emulator") / "log") as url,
        proxying(url) as made,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(EMULATOR, made.url)
        patch.setattr(jobs, "FIRST_DELAY_SECONDS", 0.05)
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make an embedded warehouse with the inputs of the tiny season."""
    root = tmp_path_factory.mktemp("embedded")
    with override_settings(WAREHOUSE_URL=(url := f"parquet:{root / 'warehouse'}")):
        load(
            phase3_folder(
                root / "phase3", **{table.short.lower(): whole_rows(table) for table in INPUTS}
            )
        )
    return url


@pytest.fixture
def clean(proxy: Proxy) -> Proxy:
    """Return the proxy without faults."""
    proxy.next()
    return proxy


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def run_all(url: str, settings: Any) -> Job:
    """Run every processor over every date, on the warehouse at this URL."""
    settings.WAREHOUSE_URL = url
    job = start_job(
        make_options(START, LAST, force=True, batch_size=len(NIGHTS)), "ann", inline=True
    )
    assert job
    return run_inline(job, "ann")


def rows(url: str, table: Table, key: str) -> list[Row]:
    """Return a table's rows without the columns that differ between runs."""
    found = open_warehouse(url).query(f"SELECT * FROM {table} ORDER BY {key}")
    return list(map(_shared, found))


def differing(ours: list[Row], theirs: list[Row]) -> list[tuple[Any, ...]]:
    """Return every differing value, with its row number and column."""
    assert len(ours) == len(theirs) > 0
    pairs = enumerate(zip(ours, theirs, strict=True))
    return [
        (n, name, us[name], they[name])
        for n, (us, they) in pairs
        for name in they
        if us[name] != they[name]
    ]


def retry(job: Job, shell: Shell) -> None:
    """Retry the failed runs, which are all of ML and caused by its code."""
    failed = {run.processor for run in Run.objects.filter(job=job, status=Run.Status.FAILED)}
    assert (job.status, failed) == (Job.Status.FAILED, {"ML"})
    done = shell(
        "retry", job.pk, "--override", "--reason", "the statement is mended", "--inline", "--json"
    )
    assert (done.code, done.document["status"]) == (0, "succeeded"), done


def ended(job: Job) -> dict[tuple[str, date], tuple[Any, ...]]:
    """Return the latest result of each run that the job covers, from any job."""
    last = {(r.processor, r.date): r for r in Run.objects.filter(job__gte=job.pk).order_by("pk")}
    return {key: (r.status, r.population, r.rows, r.failures, r.error) for key, r in last.items()}


def answers(url: str, settings: Any) -> dict[str, Any]:
    """Return the visible results: the runbook's queries, coverage, findings."""
    settings.WAREHOUSE_URL = url
    told = {
        name: [_shared(row) for row in queries.named(name).rows(START, LAST)]
        for name in queries.names()
    }
    told["run-history"] = sorted(
        (row for row in told["run-history"] if row["status"] != "failed"), key=str
    )
    told["written"] = written_dates(CHAIN, NIGHTS)
    told["inputs"] = input_signatures.signatures(
        (code, night) for code in CHAIN for night in NIGHTS
    )
    told["source rows"] = source_rows(FIRST, LAST)
    run_audit(START, LAST)
    told["findings"] = [(f.kind, f.dates, f.processors) for f in listed(START, LAST)]
    return told


def _shared(row: Row) -> Row:
    return {
        name: value
        for name, value in row.items()
        if name not in OWN and not name.endswith("_last_updated")
    }


# Whole season, with faults


TROUBLE = (
    Fault(503, r"/jobs.*CREATE OR REPLACE TABLE.*team_defense_game_summary"),
    Fault("fail", r"/jobs.*MERGE nba_precompute.player_shot_zone_analysis"),
    Fault("cut", r"/jobs.*MERGE nba_precompute.player_composite_factors"),
    Fault("fail", r"/jobs.*MERGE nba_precompute.player_daily_cache", reason="quotaExceeded"),
    Fault(429, r"/jobs.*MERGE nba_processing.precompute_failures", reason="rateLimitExceeded"),
    Fault("fail", r"/jobs.*MERGE nba_predictions", reason="invalidQuery", times=99),
    Fault("cut", r"/queries", verb="GET"),
    Fault("cut", r"/jobs.*MERGE nba_reference.processor_run_history"),
)


@pytest.mark.django_db(transaction=True)
def test_a_season_on_bigquery_is_what_it_is_in_a_folder(
    clean: Proxy, folder: str, shell: Shell, settings: Any, tmp_path: Path
) -> None:
    """Create tables, copy inputs, run every processor with faults, audit, and copy back."""
    settings.WAREHOUSE_URL = URL
    made = shell("create_tables", "--json").document["differences"]
    assert {d["kind"] for d in made} == {"create"}
    assert shell("create_tables").code == 0
    dates = "--start", START, "--end", LAST
    assert shell("copy_warehouse", folder, URL, *dates, "--json").document["wrong"] == []

    clean.next(*TROUBLE)
    there = run_all(URL, settings)
    assert [(fault.what, fault.said) for fault in TROUBLE if not fault.met] == []
    clean.next()
    retry(there, shell)
    stands = ended(there)
    told = answers(URL, settings)
    here = run_all(folder, settings)
    assert stands == ended(here)
    for table in (*OUTPUTS, FAILURES):
        key = ", ".join(table.key)
        assert (str(table), differing(rows(URL, table, key), rows(folder, table, key))) == (
            str(table),
            [],
        )
    assert told == answers(folder, settings)
    overwrite_and_undo(clean, shell, settings)

    back = f"parquet:{tmp_path / 'back'}"
    copied = shell("copy_warehouse", URL, back, *dates, "--json").document
    assert (copied["wrong"], copied["tables"][str(TDZA)]["rows"]) == (
        [],
        len(rows(folder, TDZA, "team_abbr")),
    )
    folded, there_again, part = open_warehouse(back), open_warehouse(URL), WarehousePart(TDZA, LAST)
    there_again.replace(TDZA, [LAST], "", {})
    assert filled(there_again, TDZA, LAST, LAST) == {}
    wanted = filled(folded, TDZA, LAST, LAST)
    assert copy(folded, there_again, Copying((part,), wanted, ())) == []
    assert (
        filled(there_again, TDZA, LAST, LAST) == wanted == {part: Content(2, wanted[part].digest)}
    )


def overwrite_and_undo(proxy: Proxy, shell: Shell, settings: Any) -> None:
    """Overwrite a date with equal rows, then with other ones, and undo that."""
    settings.WAREHOUSE_URL = URL

    def overwrite() -> Run:
        proxy.next()
        options = make_options(LAST, LAST, processors=("TDZA",), force=True)
        job = start_job(options, "ann", inline=True)
        assert job
        return run_inline(job, "ann").runs.get()

    unknown = overwrite()  # the newest recorded run is of the other warehouse
    assert (unknown.changes, unknown.replaced in (None, 0)) == ({}, False)
    equal = overwrite()
    same = {"rows": [0, 0, 0, 2], "failures": [0, 0, 0, 0]}
    assert (equal.replaced, equal.changes) == (unknown.fence, same)
    kinds = [sql.split()[0] for sql in proxy.begun()]
    assert kinds == ["CREATE", "BEGIN", "MERGE", "MERGE", "MERGE"]
    live = f"UPDATE {TDZA} SET data_hash = 'other', games_in_sample = 99"
    session().jobs.run(f"{live} WHERE analysis_date = DATE '{LAST}'", [])
    fixed = overwrite()
    assert fixed.changes["rows"] == [0, 0, 2, 0]
    undone = shell("undo", fixed.job_id, "--reason", "a test", "--inline", "--json")
    assert (undone.code, undone.document["status"]) == (0, "succeeded"), undone
    games = f"SELECT DISTINCT games_in_sample AS n FROM {TDZA} WHERE analysis_date = @day"
    assert session().query(games, {"day": LAST}) == [{"n": 99}]
    assert overwrite().changes["rows"] == [0, 0, 2, 0]


def game_ids() -> list[set[object]]:
    """Return the games of the newest season by table."""
    session = open_warehouse(URL)
    return [
        {row["game_id"] for row in session.query(f"SELECT game_id FROM {t} WHERE {KILLED_SEASON}")}
        for t in INPUTS
    ]


@pytest.mark.parametrize("at", ["load-begun", "load-file:3", "load-prepared", "load-switched"])
def test_a_killed_load_leaves_one_season_and_the_same_command_finishes_it(
    clean: Proxy, settings: Any, tmp_path: Path, at: str
) -> None:
    settings.WAREHOUSE_URL = URL
    apply_differences(connect(PLACE), PLACE, dry_run=False, keep_days=14)
    old = make_games(2031)
    load(phase3_folder(tmp_path / "old", years=(2031,)))
    new = old[0] | {"game_id": "0023199999"}
    folder = phase3_folder(tmp_path / "new", **{t.short.lower(): game_rows(t, new) for t in INPUTS})
    before = [{game["game_id"] for game in old}] * len(INPUTS)
    assert game_ids() == before

    def verb(**env: str) -> CompletedProcess[str]:
        place = {"WAREHOUSE_URL": URL, EMULATOR: clean.url}
        return Installation(tmp_path / "var").verb("load_phase3", str(folder), **place, **env)

    killed = verb(BACKCOURT_CRASH_AT=at)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert game_ids() == ([{"0023199999"}] * len(INPUTS) if "switched" in at else before)
    (left,) = open_warehouse(URL).unfinished()
    assert (left.seasons, left.is_running, str(folder) in left.command) == ([2031], False, True)
    again = verb()
    assert (again.returncode, again.stderr) == (0, ""), again.stderr
    assert (game_ids(), open_warehouse(URL).unfinished()) == ([{"0023199999"}] * len(INPUTS), [])


def test_a_partial_load_replaces_one_table_on_one_date(
    clean: Proxy, settings: Any, tmp_path: Path
) -> None:
    settings.WAREHOUSE_URL = URL
    apply_differences(connect(PLACE), PLACE, dry_run=False, keep_days=14)
    load(phase3_folder(tmp_path / "old", years=(2031,)))
    first, second = (game["game_date"] for game in make_games(2031))

    def points() -> dict[date, set[int | None]]:
        rows = open_warehouse(URL).query(
            f"SELECT game_date, points FROM {PGS} WHERE {KILLED_SEASON}"
        )
        return {d: {r["points"] for r in rows if r["game_date"] == d} for d in (first, second)}

    before = game_ids()
    rows = [{**row, "points": 7} for game in make_games(2031) for row in game_rows(PGS, game)]
    late = phase3_folder(tmp_path / "late", years=(2031,), pgs=rows)
    version = open_warehouse(URL).season_version(2031)
    loaded = load(late, LoadSelection.of("PGS", second))
    assert f"{PGS}: 2 rows on {second} replace 2 rows" in loaded.notes
    assert (points(), game_ids()) == ({first: {None}, second: {7}}, before)
    with pytest.raises(Refused, match="another load has replaced season 2031"):
        open_warehouse(URL).load(2031, {PGS: file_of(late, PGS)}, None, version)
    assert (points(), open_warehouse(URL).unfinished()) == ({first: {None}, second: {7}}, [])


# Single faults, on a slice of failures outside any season

DAY, NAME = date(2030, 1, 1), PROCESSORS["TDZA"].name
STAGED = f"""
SELECT '{NAME}' AS processor_name, 'r' AS run_id, DATE '{DAY}' AS analysis_date, CAST(n AS STRING) AS entity_id,
  'INSUFFICIENT_DATA' AS failure_category, '' AS failure_reason, FALSE AS can_retry, TIMESTAMP '2030-01-01 00:00:00' AS created_at
FROM UNNEST([1, 2, 3]) AS n
"""
MERGE, QUERY = r"/jobs\b.*MERGE nba_processing", r"/queries\b.*entity_id"


@pytest.fixture(scope="module")
def tables(proxy: Proxy) -> None:
    """Create every table, whichever test runs first."""
    apply_differences(connect(PLACE), PLACE, dry_run=False, keep_days=14)


@pytest.fixture
def slice_(clean: Proxy, tables: None) -> Proxy:
    """Empty the slice and return the proxy."""
    session().replace(FAILURES, [DAY], "", {}, NAME)
    clean.next()
    return clean


def session(**work: Any) -> BigQueryWarehouse:
    """Open a separate session, as another process would, on behalf of some work."""
    made = open_warehouse(URL)
    assert isinstance(made, BigQueryWarehouse)
    made.jobs.work = Work(**work)
    return made


def write(on: BigQueryWarehouse) -> None:
    on.stage("made", STAGED, {})
    on.replace(FAILURES, [DAY], "SELECT * FROM made", {}, NAME)


def written() -> list[str]:
    found = session().query(
        f"SELECT entity_id FROM {FAILURES} WHERE analysis_date = @day ORDER BY entity_id",
        {"day": DAY},
    )
    return [row["entity_id"] for row in found]


def merges(proxy: Proxy) -> int:
    return sum(sql.startswith("MERGE") for sql in proxy.begun())


@pytest.mark.parametrize(
    ("fault", "begun"),
    [
        (Fault(503, MERGE), 1),
        (Fault(500, MERGE, reason="internalError", times=2), 1),
        (Fault(429, MERGE, reason="rateLimitExceeded"), 1),
        (Fault(403, MERGE, reason="rateLimitExceeded"), 1),
        (Fault("cut", MERGE), 1),
        (Fault("fail", MERGE), 2),
        (Fault("fail", MERGE, reason="quotaExceeded"), 2),
        (Fault("fail", MERGE, times=3), 4),
    ],
    ids=lambda value: (
        f"{value.what} {value.reason} {value.times}" if isinstance(value, Fault) else ""
    ),
)
def test_what_passes_is_waited_for_and_the_rows_are_there_once(
    slice_: Proxy, fault: Fault, begun: int
) -> None:
    slice_.next(Fault(fault.what, fault.said, fault.verb, fault.reason, fault.times))
    write(session())
    assert (slice_.faults[0].met, merges(slice_), written()) == (
        fault.times,
        begun,
        ["1", "2", "3"],
    )


def test_an_answer_that_breaks_off_is_asked_for_again(slice_: Proxy) -> None:
    write(session())
    slice_.next(Fault("cut", QUERY), Fault(503, QUERY), Fault("cut", QUERY))
    assert written() == ["1", "2", "3"]
    assert [fault.met for fault in slice_.faults] == [1, 1, 1]


@pytest.mark.parametrize(
    ("fault", "raised", "says"),
    [
        (
            Fault("fail", MERGE, reason="invalidQuery"),
            StatementFailed,
            "a job that ends with invalidQuery",
        ),
        (Fault(403, MERGE, reason="accessDenied"), WarehouseUnwritable, "says the proxy"),
        (Fault(404, MERGE, reason="notFound"), WarehouseUnwritable, "says the proxy"),
        (
            Fault(400, MERGE, reason="bytesBilledLimitExceeded"),
            WarehouseUnwritable,
            "BIGQUERY_MAX_BYTES",
        ),
    ],
    ids=lambda value: value.reason if isinstance(value, Fault) else "",
)
def test_what_does_not_pass_is_said_at_once_and_nothing_is_written(
    slice_: Proxy, fault: Fault, raised: type[WarehouseError], says: str
) -> None:
    slice_.next(Fault(fault.what, fault.said, reason=fault.reason, times=9))
    with pytest.raises(raised, match=says):
        write(session())
    assert (slice_.faults[0].met, written()) == (1, [])


def test_patience_has_an_end(slice_: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    on = session()
    monkeypatch.setattr(on.jobs, "_patience", 0.5)
    slice_.next(Fault("fail", MERGE, times=99))
    with pytest.raises(WarehouseBusy, match="backendError"):
        write(on)
    assert written() == []


# Work repeated after its process died


def test_what_was_done_is_not_begun_again(slice_: Proxy) -> None:
    names: list[str] = []
    write(session(key="once", note=names.append))
    slice_.next()
    write(session(key="once", known=names))
    assert (slice_.begun(), written()) == ([], ["1", "2", "3"])
    write(session(key="another", known=names))
    assert (merges(slice_), written()) == (1, ["1", "2", "3"])


def test_what_still_goes_on_is_found_and_waited_for(slice_: Proxy) -> None:
    names: list[str] = []
    slice_.next(Fault("hold", MERGE))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(write, session(key="slow", note=names.append))
        until(lambda: bool(slice_.held))
        second = pool.submit(write, session(key="slow", known=tuple(names)))
        until(lambda: asked_after(slice_) > 1)
        slice_.let_go()
        first.result(), second.result()
    assert (merges(slice_), written()) == (1, ["1", "2", "3"])


def test_what_is_cancelled_stops_and_writes_nothing(slice_: Proxy) -> None:
    names: list[str] = []
    slice_.next(Fault("hold", MERGE))
    with ThreadPoolExecutor(1) as pool:
        going_on = pool.submit(write, session(key="cancelled", note=names.append))
        until(lambda: bool(slice_.held))
        assert session().cancel(names) == StoppedJobs((names[-1],))
        with pytest.raises(Stopped, match="stopped"):
            going_on.result()
    assert (session().cancel(names), written()) == (StoppedJobs(), [])


def test_a_request_that_comes_after_the_claim_was_lost_writes_nothing(slice_: Proxy) -> None:
    """Its process noted the name of its MERGE and was stopped; another one took over and wrote."""
    names: list[str] = []

    def note(name: str) -> None:
        if len(names) == 2:
            raise Superseded
        names.append(name)
        if len(names) == 2:
            newer = session(key="newer")
            newer.retire(names, cancel=True)
            write(newer)

    older = session(key="older", note=note)
    older.stage("made", STAGED.replace("[1, 2, 3]", "[7]"), {})
    with pytest.raises(Superseded):
        older.replace(FAILURES, [DAY], "SELECT * FROM made", {}, NAME)
    assert written() == ["1", "2", "3"]


def test_a_job_of_a_lost_claim_has_ended_before_the_next_one_writes(slice_: Proxy) -> None:
    names: list[str] = []
    slice_.next(Fault("hold", MERGE))
    with ThreadPoolExecutor(1) as pool:
        older = pool.submit(write, session(key="older", note=names.append))
        until(lambda: bool(slice_.held))
        session(key="newer").retire(names, cancel=True)
        with pytest.raises(Stopped):
            older.result()
    assert written() == []


def asked_after(proxy: Proxy) -> int:
    """Count the status requests for a held job."""
    return sum(any(name in asked.path for name in proxy.held) for asked, _ in proxy.seen)


def until(true: Callable[[], bool]) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Tables


def test_what_a_table_lacks_is_added_and_what_differs_is_told(
    slice_: Proxy, shell: Shell, settings: Any
) -> None:
    settings.WAREHOUSE_URL = f"{URL}/old_"
    place = Place(PROJECT, "old_")
    client = connect(place)
    client.create_dataset("old_nba_precompute")
    old = declared(place, TDZA)
    changed = {"games_in_sample": "STRING", "team_abbr": "STRING"}
    fields = [f for f in old.schema if f.name != "calculation_notes"]
    old.schema = [SchemaField(f.name, changed.get(f.name, f.field_type), f.mode) for f in fields]
    old.clustering_fields, old.time_partitioning = (
        None,
        TimePartitioning(field="analysis_date", expiration_ms=86_400_000),
    )
    client.create_table(old)

    told = {
        (d["kind"], d["what"])
        for d in differences_of(shell("create_tables", "--dry-run", "--json"))
        if d["name"] == OLD
    }
    assert {(kind, what) for kind, what in told if kind != "left"} == {
        ("add", "column calculation_notes STRING"),
        ("keep", "partitions expire after 1 day; the expiry is removed"),
        (
            "wrong",
            "column games_in_sample is STRING, not INT64; copy it to a new table",
        ),
        (
            "wrong",
            "is clustered by nothing; run `bq update --clustering_fields=team_abbr,analysis_date "
            f"{OLD}`",
        ),
    }
    assert "calculation_notes" not in {f.name for f in client.get_table(OLD).schema}
    assert shell("create_tables").code == 1
    left = {d["kind"] for d in differences_of(shell("create_tables", "--json"))}
    assert left == {"left", "wrong"}
    now = client.get_table(OLD)
    assert (now.schema[-1].name, now.time_partitioning.expiration_ms) == ("calculation_notes", None)


def differences_of(answer: Answer) -> list[dict[str, str]]:
    return list(answer.document["differences"])
