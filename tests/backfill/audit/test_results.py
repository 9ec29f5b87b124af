"""Audit results per (processor, date), and the season grid and failure rates built from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils.timezone import now

from backfill.audit.marking import run_audit
from backfill.audit.results import ExpectedCounts, expected_counts
from backfill.execution.inline import run_inline
from backfill.jobs.start import start_job
from backfill.models import AuditResult, Job, Run
from backfill.processors.registry import CHAIN
from backfill.season_calendar import season_name
from backfill.status.failure_rates import by_week, rates_of, together
from backfill.status.job_outcome import (
    JobOutcome,
    job_outcome,
    own_runs,
    superseded,
    verdicts_of,
)
from backfill.status.season_grid import RunCell, season_grid
from backfill.warehouse.tables import PGS
from tests.factories import rewrite
from tests.once import copy_warehouse
from tests.seasons.hurt import ALL, HURT, Hurt, hurt_rows
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    LAST,
    PROCESSING,
    SECOND,
    THIRD,
    give,
    make_options,
    part,
)
from validation.bands import HIGH_RATE
from validation.bands import BandPosition as Reading

pytestmark = [pytest.mark.django_db, pytest.mark.database]

FEW, MISSING = "INSUFFICIENT_DATA", "MISSING_DEPENDENCY"
CLEAN = {"unexplained": 0, "lost": 0, "unaccounted": 0}
# Expected failures: both teams are one game short on the first date; the hurt player has one game
# less and falls short on two dates.
FAILING = {("TDZA", FIRST): {FEW: 2}} | {
    (code, day): {FEW if code == "PSZA" else MISSING: 1}
    for code in ("PSZA", "PDC", "ML")
    for day in (FIRST, SECOND)
}
POPULATION = {code: 2 if code == "TDZA" else 10 for code in CHAIN}
KEYS = [(code, day) for code in CHAIN for day in PROCESSING]


@pytest.fixture
def loaded(hurt_jobs: Hurt, own_warehouse: Path) -> Path:
    copy_warehouse(hurt_jobs.loaded_season, own_warehouse)
    return own_warehouse


@pytest.fixture
def ran(hurt_jobs: Hurt, own_warehouse: Path) -> Path:
    hurt_jobs.job(ALL, own_warehouse)
    return own_warehouse


@pytest.fixture
def judged(hurt_jobs: Hurt, own_warehouse: Path) -> Path:
    hurt_jobs.judged(own_warehouse)
    return own_warehouse


def kept() -> dict[tuple[str, Any], dict[str, Any]]:
    fields = ("population", "expected", "explained", "unexplained", "lost", "unaccounted")
    return {
        (v.processor, v.date): {name: getattr(v, name) for name in fields}
        for v in AuditResult.objects.all()
    }


def run_of(code: str, day: Any) -> Run:
    return Run.objects.get(processor=code, date=day)


def change(code: str, day: Any, **fields: Any) -> None:
    assert Run.objects.filter(processor=code, date=day).update(**fields) == 1


def cell(code: str, day: Any) -> RunCell:
    return season_grid(2021).cells[code, day]


# Results


@pytest.mark.shell
def test_judging_keeps_what_must_fail_on_every_date_and_how_it_was(judged: Path) -> None:
    assert kept() == {
        (code, day): {
            "population": POPULATION[code], "expected": FAILING.get((code, day), {}),
            "explained": sum(FAILING.get((code, day), {}).values()), **CLEAN,
        }
        for code, day in KEYS
    }  # fmt: skip
    assert {(v.processor, v.date): v.run_id for v in AuditResult.objects.all()} == {
        key: run_of(*key).run_id for key in KEYS
    }


@pytest.mark.shell
def test_judging_again_replaces_them_and_forgets_seasons_that_are_gone(judged: Path) -> None:
    AuditResult.objects.create(
        season=2019, processor="TDZA", date=FIRST - timedelta(days=700), population=2
    )
    before = kept()
    run_audit()
    assert len(before) == len(KEYS) + 1
    assert kept() == {key: found for key, found in before.items() if key in KEYS}


def test_who_must_fail_is_known_before_the_first_run_and_the_same_after_it(loaded: Path) -> None:
    before = expected_counts(2021)
    assert before == {
        (code, day): ExpectedCounts(POPULATION[code], FAILING.get((code, day), {}))
        for code, day in KEYS
    }
    assert (expected_counts(2020), cell("PSZA", FIRST).title) == (
        {},
        f"PSZA, {FIRST}, day 14: not run",
    )
    run_audit()
    assert expected_counts(2021) == before == expected_counts(2021, live=False)
    assert {v.outside for v in AuditResult.objects.all()} == {None}
    assert cell("PSZA", FIRST).title == f"PSZA, {FIRST}, day 14: not run; 1 expected failure"


@pytest.mark.shell
def test_what_is_not_as_it_must_be_is_counted_once(ran: Path) -> None:
    rewrite(
        part(ran, "PSZA", FIRST), f"SELECT * REPLACE ('{HURT}' AS player_lookup) FROM t LIMIT 1"
    )
    change("PSZA", SECOND, status="failed")
    run_audit()
    verdict = AuditResult.objects.get(processor="PSZA", date=FIRST)
    # Nine have no row, and the hurt player has a row in addition to a failure.
    assert (
        verdict.explained,
        verdict.unexplained,
        verdict.lost,
        verdict.unaccounted,
        verdict.outside,
    ) == (1, 0, 0, 10, 10)
    assert (cell("PSZA", FIRST).state, cell("PSZA", FIRST).outside) == ("outside", 10)
    # A failed run is not audited by the rows of an earlier run.
    failed = AuditResult.objects.get(processor="PSZA", date=SECOND)
    assert (failed.run_id, failed.outside, failed.expected_failures) == ("", None, 1)


# Results of replaced runs


def start(first: date, last: date, **options: Any) -> Job:
    job = start_job(make_options(first, last, **options), "ann", inline=True)
    assert job
    return job


def outcome_of(job: Job) -> JobOutcome:
    runs = own_runs(job)
    return job_outcome(runs, verdicts_of(runs), superseded(job, runs))


@pytest.mark.shell
def test_a_later_job_does_not_change_the_result_of_an_earlier_one(judged: Path) -> None:
    job = Job.objects.get()
    before = outcome_of(job)
    assert (before.audited, before.not_audited, before.superseded) == (len(KEYS), 0, {})
    again = run_inline(start(FIRST, FIRST, force=True), "ann")
    during = outcome_of(job)  # job 2 is not audited yet
    assert (during.explained, during.not_audited) == (before.explained, 0)
    run_audit()
    after = outcome_of(job)
    assert (after.explained, after.audited) == (before.explained, len(KEYS))
    assert (after.not_audited, after.superseded, after.never_audited) == (0, {again.pk: 5}, {})
    assert outcome_of(again).audited == 5
    run_audit()
    assert outcome_of(job).explained == before.explained
    assert AuditResult.with_replaced.count() == len(KEYS) + 5
    assert AuditResult.objects.count() == len(KEYS)


@pytest.mark.shell
def test_a_run_replaced_before_its_audit_names_the_job_that_replaced_it(ran: Path) -> None:
    job = Job.objects.get()
    again = run_inline(start(FIRST, SECOND, force=True), "ann")
    run_audit()
    found = outcome_of(job)
    assert (found.not_audited, found.never_audited) == (0, {again.pk: 10})
    assert found.audited == len(KEYS) - 10


# The grid


def test_every_date_of_a_season_has_a_cell_for_every_processor(judged: Path) -> None:
    grid = season_grid(2021)
    assert grid.name == season_name(2021)
    assert [day.day for day in grid.days] == [*BOOTSTRAP, *PROCESSING]
    wanted = {(code, day): "bootstrap" for code in CHAIN for day in BOOTSTRAP} | dict.fromkeys(
        KEYS, "clean"
    )
    assert {key: c.state for key, c in grid.cells.items()} == wanted | dict.fromkeys(
        FAILING, "expected"
    )
    assert grid.counts("TDZA") == {"bootstrap": 14, "expected": 1, "clean": 3}
    assert grid.spans() == [("2021-10", 13), ("2021-11", 5)]
    assert grid.spans("week") == [("week 1", 8), ("week 2", 7), ("week 3", 3)]


def test_a_cell_says_what_it_is_in_one_sentence(judged: Path) -> None:
    run = run_of("PSZA", FIRST)
    found = cell("PSZA", FIRST)
    assert (found.run, found.run_id, found.job) == (run.pk, run.run_id, run.job_id)
    assert (found.population, found.rows, found.failed, found.expected, found.outside) == (
        10,
        9,
        1,
        1,
        0,
    )
    assert (
        found.title
        == f"PSZA, {FIRST}, day 14: expected failures only; 9 rows, 1 failed, 1 expected failure"
    )
    assert cell("PCF", BOOTSTRAP[3]).title.endswith(
        "skipped (bootstrap); bootstrap: day 3, processing starts on day 14"
    )


@pytest.mark.parametrize("days", [1, 18])
def test_the_queries_are_as_many_whatever_the_dates(
    judged: Path, django_assert_num_queries: Any, days: int
) -> None:
    Run.objects.filter(date__gt=BOOTSTRAP[0] + timedelta(days=days - 1)).delete()
    with django_assert_num_queries(3):
        season_grid(2021)
    with django_assert_num_queries(2):
        rates_of(2021)


def test_a_season_that_is_not_loaded_has_no_dates(loaded: Path) -> None:
    assert (season_grid(2020).days, rates_of(2020)) == ((), {code: [] for code in CHAIN})


def test_what_has_run_since_it_was_judged_is_not_judged(judged: Path) -> None:
    change("PSZA", FIRST, run_id="00000000")
    assert (cell("PSZA", FIRST).state, cell("PSZA", FIRST).outside) == ("unjudged", None)


@pytest.mark.parametrize("status", ["failed", "blocked", "running", "pending", "cancelled"])
def test_a_run_that_is_not_complete_shows_its_own_state(judged: Path, status: str) -> None:
    change("ML", LAST, status=status, reason="so it is")
    assert cell("ML", LAST).state == status


def test_a_cancelled_attempt_hides_nothing_and_an_active_one_everything(judged: Path) -> None:
    job = Job.objects.get()
    for status, state in (("cancelled", "clean"), ("pending", "pending")):
        again = Job.objects.create(options=job.options, actor="ann", code_version="x", batch_size=1)
        Run.objects.create(job=again, processor="ML", date=LAST, batch=0, status=status)
        assert cell("ML", LAST).state == state
    assert cell("ML", LAST).job == again.pk


def test_nothing_to_do_on_a_date_is_neither_complete_nor_failed(judged: Path) -> None:
    change("PCF", LAST, population=0, rows=0)
    assert cell("PCF", LAST).state == "empty"


@pytest.mark.shell
def test_what_another_statement_made_is_outdated(judged: Path) -> None:
    change("PCF", LAST, sql_hash="0000")
    assert (cell("PCF", LAST).state, "SQL changed" in cell("PCF", LAST).reason) == (
        "outdated",
        True,
    )


@pytest.mark.shell
def test_what_upstream_has_run_after_is_outdated(judged: Path) -> None:
    change("PSZA", LAST, started_at=now())
    assert [cell(code, LAST).state for code in CHAIN] == [
        "clean",
        "clean",
        "outdated",
        "outdated",
        "outdated",
    ]
    assert cell("PDC", LAST).reason == "PSZA has run again since"


@pytest.mark.shell
def test_what_read_other_rows_than_there_are_now_is_outdated_on_its_dates_alone(
    ran: Path, tmp_path: Path
) -> None:
    rows = hurt_rows(PGS)
    give(PGS, [r | ({"points": 99} if r["game_date"] == SECOND else {}) for r in rows], tmp_path)
    run_audit()
    states = {key: c.state for key, c in season_grid(2021).cells.items() if key[1] in PROCESSING}
    outdated = {(code, day) for code in ("PSZA", "PDC", "ML") for day in (THIRD, LAST)}
    assert {key for key, state in states.items() if state == "outdated"} == outdated
    assert cell("PSZA", LAST).reason == "earlier games changed since this run"


# Rates


@pytest.fixture
def points(judged: Path) -> dict[str, Any]:
    return rates_of(2021)


@pytest.mark.shell
def test_a_rate_stands_beside_what_must_fail_and_the_band(points: dict[str, Any]) -> None:
    first, second, *_ = points["PSZA"]
    assert (first.first, first.index, first.week, first.population, first.failed) == (
        FIRST,
        14,
        2,
        10,
        1,
    )
    assert (first.rate, first.expected_rate, first.low, first.high) == (0.1, 0.1, 0.9, 1.0)
    assert (second.low, second.high) == (0.6, 0.75)
    assert (first.position, first.verdict) == (Reading.NO_BAND, "no band")
    assert [p.known_band for p in points["ML"]] == [None] * 4
    assert [(p.band.source, p.expected_rate, round(p.low, 2), p.high) for p in points["ML"]][
        1:3
    ] == [
        ("expectation", 0.1, 0.09, 0.11),
        ("expectation", 0.0, 0.0, 0.01),
    ]


def test_a_week_has_the_rate_of_all_its_dates_and_their_band(points: dict[str, Any]) -> None:
    second, third = by_week(points["PSZA"])
    assert (second.first, second.last, second.week) == (FIRST, FIRST, 2)
    assert (third.first, third.last, third.week, third.index) == (SECOND, LAST, 3, 15)
    assert (third.population, third.failed, third.entities, third.must_fail) == (30, 1, 30, 1)
    assert (third.low, third.high) == (0.6, 0.75)
    assert (third.position, third.verdict) == (
        Reading.BELOW,
        "below the runbook's band, all expected",
    )
    assert third.reading.text.startswith("3.3 % (1 of 30), below the runbook's band 60–75 %")


def test_what_was_not_run_has_no_rate_and_still_an_expected_one(judged: Path) -> None:
    Run.objects.filter(date=FIRST).delete()
    first = rates_of(2021)["TDZA"][0]
    assert (first.rate, first.expected_rate, first.reading, first.verdict) == (None, 1.0, None, "")
    assert (by_week([first])[0].rate, by_week([first])[0].expected_rate) == (None, 1.0)


def test_rate_and_expectation_of_a_week_cover_the_dates_with_a_run(judged: Path) -> None:
    Run.objects.filter(date__gt=SECOND).delete()
    _, third = by_week(rates_of(2021)["PSZA"])
    assert (third.first, third.last, third.dates) == (SECOND, LAST, 1)
    # Of 3 dates, 30 entities and 1 expected failure, the only date with a run has them all.
    assert (third.population, third.failed, third.entities, third.must_fail) == (10, 1, 10, 1)
    assert (third.rate, third.expected_rate, third.residual) == (0.1, 0.1, 0.0)


def test_a_week_with_a_date_never_audited_has_no_expected_rate(judged: Path) -> None:
    AuditResult.objects.filter(date=LAST).delete()
    _, third = by_week(rates_of(2021)["PSZA"])
    assert (third.population, third.entities, third.must_fail) == (30, None, None)
    assert (third.expected_rate, third.residual, third.is_off) == (None, None, False)


def test_incomplete_data_is_never_expected(judged: Path) -> None:
    found = AuditResult.objects.filter(processor="PSZA", date=SECOND)
    found.update(expected={FEW: 1, "INCOMPLETE_DATA": 4}, unexplained=4)
    change("PSZA", SECOND, failures={FEW: 1, "INCOMPLETE_DATA": 4})
    second = rates_of(2021)["PSZA"][1]
    assert (second.failed, second.must_fail, second.unexplained) == (5, 1, 4)
    assert (second.residual, second.all_expected) == (0.4, False)
    assert (cell("PSZA", SECOND).state, cell("PSZA", SECOND).expected) == ("outside", 1)
    assert found.get().expected_failures == 1


def test_a_red_flag_is_stated_with_all_expected_next_to_it(judged: Path) -> None:
    third = rates_of(2021)["PSZA"][2]
    flagged = replace(third, failures={FEW: 5}, flags={HIGH_RATE: 1})
    assert flagged.flag_texts == ["above 30 % after week 6, all expected"]
    week = together([flagged, replace(flagged, unexplained=1)])
    assert week.flag_texts == ["above 30 % after week 6 on 2 of 2 dates"]


def test_failures_are_unexplained_unless_their_input_has_changed(judged: Path) -> None:
    AuditResult.objects.filter(processor="ML", date=LAST).update(unexplained=3)
    assert rates_of(2021)["ML"][-1].reading.unexplained == 3  # type: ignore[union-attr]
    AuditResult.objects.filter(processor="ML", date=LAST).update(
        changed="earlier games changed since this run"
    )
    assert rates_of(2021)["ML"][-1].reading.unexplained == 0  # type: ignore[union-attr]
