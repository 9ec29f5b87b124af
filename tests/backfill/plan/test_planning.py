from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.models import Key
from backfill.plan.options import Options
from backfill.plan.planning import (
    Plan,
    PlannedAction,
    PlannedRun,
    batches,
    default_batch_size,
    plan,
)
from backfill.processors.registry import CHAIN, PROCESSORS
from validation.season import Calendar, DateType, Game, usual_season_year

OPENING = date(2021, 10, 19)
COMPLETE = "already complete"


def on(k: int) -> date:
    return OPENING + timedelta(days=k)


def make_plan(*nights: int, done: set[Key] | None = None, days: int = 40, **options: Any) -> Plan:
    """Plan the first `days` days of a season with games on opening night and on these days."""
    calendar = Calendar(
        [
            Game(game_date=OPENING, season_year=2021),
            *(Game(game_date=on(k), season_year=2021) for k in nights),
        ]
    )
    wanted = Options(start=on(1), end=on(days), **{"canary": False, **options})
    return plan(wanted, calendar.days(wanted.start, wanted.end), done or set())


def decided(planned: Plan) -> list[tuple[str, str, str]]:
    """Return (processor, action, reason) of the dates with games."""
    return [
        (r.processor, str(r.action), r.reason)
        for r in planned.runs
        if r.action is not PlannedAction.NONE
    ]


# Planned runs and reasons


def test_what_is_not_done_is_run_in_chain_order() -> None:
    assert decided(make_plan(20)) == [(code, "run", "not complete") for code in CHAIN]


def test_what_is_done_is_kept() -> None:
    planned = make_plan(20, 22, done={(code, on(20)) for code in CHAIN})
    assert [r.date for r in planned.todo] == [on(22)] * 5
    assert decided(planned)[:5] == [(code, "keep", COMPLETE) for code in CHAIN]


def test_nothing_to_do_is_an_empty_plan() -> None:
    planned = make_plan(20, done={(code, on(20)) for code in CHAIN})
    assert (planned.todo, planned.batches) == ((), 0)


def test_force_runs_what_is_done_and_says_so() -> None:
    planned = make_plan(20, 22, done={("TDZA", on(20))}, processors=("TDZA",), force=True)
    assert decided(planned) == [("TDZA", "run", "forced"), ("TDZA", "run", "not complete")]


def test_what_follows_a_run_that_happens_again_happens_again() -> None:
    done = {(code, on(20)) for code in CHAIN if code != "PSZA"}
    assert decided(make_plan(20, done=done)) == [
        ("TDZA", "keep", COMPLETE),
        ("PSZA", "run", "not complete"),
        ("PCF", "run", "upstream reruns: PSZA"),
        ("PDC", "run", "upstream reruns: PSZA, PCF"),
        ("ML", "run", "upstream reruns: PSZA, PCF, PDC"),
    ]


def test_upstream_of_another_date_or_of_no_wanted_processor_does_not_matter() -> None:
    done = {("ML", on(20)), ("ML", on(22)), ("PSZA", on(20))}
    assert decided(make_plan(20, done=done, processors=("ML",))) == [("ML", "keep", COMPLETE)]
    assert [
        r.action
        for r in make_plan(20, 22, done=done, processors=("PSZA", "ML")).todo
        if r.date == on(20)
    ] == []


def test_what_is_outdated_runs_with_its_own_reason_where_that_is_asked_for() -> None:
    done = {(code, on(k)) for code in CHAIN for k in (5, 20)}
    calendar = Calendar(
        [
            Game(game_date=OPENING, season_year=2021),
            Game(game_date=on(5), season_year=2021),
            Game(game_date=on(20), season_year=2021),
        ]
    )
    days, outdated = (
        calendar.days(on(5), on(20)),
        {(code, on(k)): "it is old" for code in ("PSZA", "ML") for k in (5, 20)},
    )
    assert plan(Options(start=on(5), end=on(20)), days, done, outdated).todo == ()
    assert [
        (r.processor, r.date, r.reason)
        for r in plan(Options(start=on(5), end=on(20), outdated=True), days, done, outdated).todo
    ] == [
        ("PSZA", on(20), "it is old"),
        ("PCF", on(20), "upstream reruns: PSZA"),
        ("PDC", on(20), "upstream reruns: PSZA, PCF"),
        ("ML", on(20), "it is old"),
    ]


def test_what_failed_alone_runs_where_only_that_is_asked_for_with_what_follows_it() -> None:
    calendar = Calendar(
        [
            Game(game_date=OPENING, season_year=2021),
            *(Game(game_date=on(k), season_year=2021) for k in (5, 20, 22)),
        ]
    )
    done = {*((code, on(20)) for code in CHAIN if code not in ("PSZA", "PDC")), ("TDZA", on(5))}
    failed = {
        ("PSZA", on(20)): "newest run failed (job 3)",
        ("PSZA", on(5)): "run was cancelled (job 2)",
    }
    days = [calendar.day(on(k)) for k in (5, 20, 22)]
    wanted = Options.of_dates(
        [d.day for d in days], failed=True, processors=("TDZA", "PSZA", "PCF", "PDC")
    )
    left = ("leave", "not complete, but no failure either")
    assert decided(plan(wanted, days, done, {}, failed)) == [
        ("TDZA", "keep", COMPLETE),
        ("PSZA", "skip", "bootstrap: day 5, processing starts on day 14"),
        ("PCF", *left),
        ("PDC", *left),
        ("TDZA", "keep", COMPLETE),
        ("PSZA", "run", "newest run failed (job 3)"),
        ("PCF", "run", "upstream reruns: PSZA"),
        ("PDC", *left),
        *((code, *left) for code in ("TDZA", "PSZA", "PCF", "PDC")),
    ]


def test_a_plan_counts_what_it_overwrites() -> None:
    done = {(code, on(k)) for code in CHAIN for k in (5, 20) if code != "TDZA"}
    assert make_plan(5, 20, 22, done=done).overwrites == 3  # all processors after TDZA in the chain
    assert make_plan(5, 20, 22, done=done, force=True).overwrites == 4
    assert make_plan(20, 22).overwrites == 0
    assert make_plan(20, 22, 25, done=done).dates == [on(20), on(22), on(25)]


def test_bootstrap_dates_are_recorded_as_skipped_once() -> None:
    reason = "bootstrap: day 5, processing starts on day 14"
    assert decided(make_plan(5)) == [(code, "skip", reason) for code in CHAIN]
    assert decided(make_plan(5, done={("TDZA", on(5))}))[:2] == [
        ("TDZA", "keep", COMPLETE),
        ("PSZA", "skip", reason),
    ]
    assert decided(make_plan(5, done={(code, on(5)) for code in CHAIN}, force=True)) == [
        (code, "skip", reason) for code in CHAIN
    ]


def test_a_skipped_upstream_makes_nothing_run() -> None:
    done = {(code, on(5)) for code in CHAIN if code != "TDZA"}
    assert [action for _, action, _ in decided(make_plan(5, done=done))] == [
        "skip",
        "keep",
        "keep",
        "keep",
        "keep",
    ]


def test_a_date_without_games_is_shown_and_never_run() -> None:
    planned = make_plan(days=2, processors=("TDZA", "ML"))
    assert planned.runs == tuple(
        PlannedRun(processor=c, date=on(k), action=PlannedAction.NONE, reason="no games")
        for k in (1, 2)
        for c in ("TDZA", "ML")
    )
    assert (planned.todo, planned.batches) == ((), 0)


def test_counts_are_by_processor_and_action() -> None:
    assert make_plan(
        5, 20, days=21, done={("TDZA", on(20))}, processors=("TDZA", "ML")
    ).counts() == {
        "TDZA": Counter(none=19, skip=1, keep=1),
        "ML": Counter(none=19, skip=1, run=1),
    }


# Batches


def test_batches_have_at_most_their_size_and_one_season() -> None:
    days = [
        date(2022, 4, 8),
        date(2022, 4, 9),
        date(2022, 4, 10),
        date(2022, 10, 18),
        date(2022, 10, 19),
    ]
    assert list(batches(reversed(days), 2)) == [(days[0], days[1]), (days[2],), (days[3], days[4])]
    assert list(batches([], 2)) == []


def test_all_processors_of_a_date_are_in_one_batch() -> None:
    planned = make_plan(20, 21, 22, 25, batch_size=3)
    assert {(r.date, r.batch) for r in planned.todo} == {
        (on(20), 0),
        (on(21), 0),
        (on(22), 0),
        (on(25), 1),
    }
    assert (planned.batches, planned.batch_size) == (2, 3)


def test_dates_that_are_complete_take_no_room_in_a_batch() -> None:
    planned = make_plan(20, 21, 22, done={(code, on(21)) for code in CHAIN}, batch_size=2)
    assert {(r.date, r.batch) for r in planned.runs if r.action is not PlannedAction.NONE} == {
        (on(20), 0),
        (on(21), -1),
        (on(22), 0),
    }


def test_a_short_job_runs_date_by_date() -> None:
    assert [make_plan(*range(15, 15 + n)).batch_size for n in (1, 2)] == [1, 1]


def test_a_season_has_two_batches_of_equal_size() -> None:
    planned = make_plan(*range(15, 175), days=180)
    assert (planned.batches, planned.batch_size) == (2, 80)


@given(dates=st.integers(1, 400), processors=st.integers(1, 5))
def test_the_default_size_makes_about_ten_steps(dates: int, processors: int) -> None:
    size = default_batch_size(dates, processors)
    steps = ceil(dates / size) * processors
    assert size == 1 if dates * processors <= 10 else 5 <= steps < 10 + processors


# Properties of every plan

few = settings(max_examples=40)  # a plan is large
SEASONS = (date(2021, 10, 19), date(2022, 10, 18))
GAMES = st.builds(
    lambda start, k, status, kind: Game(
        game_date=start + timedelta(days=k),
        season_year=usual_season_year(start),
        status=status,
        season_type=kind,
    ),
    st.sampled_from(SEASONS),
    st.integers(0, 60),
    st.sampled_from([3, 3, 3, 1]),
    st.sampled_from(["regular", "regular", "playoffs", "cup"]),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    calendar = Calendar(
        [
            *(Game(game_date=day, season_year=usual_season_year(day)) for day in SEASONS),
            *draw(st.lists(GAMES, max_size=40)),
        ]
    )
    start = draw(st.sampled_from(SEASONS)) + timedelta(days=draw(st.integers(-250, 20)))
    options = Options(
        start=start,
        end=start + timedelta(days=draw(st.sampled_from([0, 20, 60, 250]))),
        processors=tuple(c for c in CHAIN if draw(st.booleans())) or ("PCF",),
        force=draw(st.booleans()),
        batch_size=draw(st.sampled_from([0, 1, 2, 7, 50])),
    )
    days = calendar.days(options.start, options.end)
    keys = [(code, d.day) for d in days if d.is_processing for code in CHAIN]
    return plan(options, days, draw(st.sets(st.sampled_from(keys))) if keys else set())


@few
@given(planned=plans())
def test_a_plan_partitions_what_is_wanted(planned: Plan) -> None:
    wanted = {
        (code, d.day)
        for d in planned.days
        if d.is_processing
        for code in planned.options.processors
    }
    shown = [r.key for r in planned.runs]
    todo, kept = (
        [r.key for r in planned.todo],
        [r.key for r in planned.runs if r.action is PlannedAction.KEEP],
    )
    assert len(shown) == len(set(shown)) == len(planned.days) * len(planned.options.processors)
    assert len(todo) + len(kept) == len(wanted)
    assert {*todo, *kept} == wanted


@few
@given(planned=plans())
def test_batches_cover_what_is_to_do_and_nothing_else(planned: Plan) -> None:
    of_batch: dict[int, set[date]] = {}
    for run in planned.todo:
        of_batch.setdefault(run.batch, set()).add(run.date)
    assert sorted(of_batch) == list(range(planned.batches))
    assert all(
        len(dates) <= planned.batch_size and len(set(map(usual_season_year, dates))) == 1
        for dates in of_batch.values()
    )
    assert sum(map(len, of_batch.values())) == len({r.date for r in planned.todo})
    assert {r.batch for r in planned.runs} - set(of_batch) <= {-1}


@few
@given(planned=plans())
def test_nothing_runs_before_its_upstream_of_the_same_date(planned: Plan) -> None:
    order = [r.key for r in planned.todo]
    again = {r.key for r in planned.todo if r.action is PlannedAction.RUN}
    for n, (code, day) in enumerate(order):
        assert {(c, day) for c in PROCESSORS[code].after} & set(order[n:]) == set()
    types = {d.day: d.type for d in planned.days}
    for run in planned.runs:
        if run.action is PlannedAction.KEEP and types[run.date] is not DateType.BOOTSTRAP:
            assert {(c, run.date) for c in PROCESSORS[run.processor].after} & again == set()


@pytest.mark.parametrize("force", [False, True])
@few
@given(planned=plans())
def test_when_all_of_it_is_done_only_force_finds_something_to_do(
    force: bool, planned: Plan
) -> None:
    options = Options(
        start=planned.options.start,
        end=planned.options.end,
        processors=planned.options.processors,
        force=force,
    )
    everything = {r.key for r in planned.runs if r.action is not PlannedAction.NONE}
    assert {r.key for r in plan(options, planned.days, everything).todo} == (
        everything if force else set()
    )
