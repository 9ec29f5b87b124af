"""Drill-down: from the count of a (processor, date) to one player, and one player over a season."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backfill.drilldown.entities import Match, list_entities
from backfill.drilldown.entity_names import search_entities
from backfill.drilldown.entity_report import report_entity
from backfill.drilldown.entity_season import season_of
from backfill.drilldown.query import ParameterizedQuery
from backfill.drilldown.schedule import GameRole
from backfill.errors import Refused
from backfill.models import AuditResult, Job, Run
from backfill.processors.registry import PROCESSORS
from backfill.statements.fragments import literal
from backfill.warehouse import warehouse
from backfill.warehouse.tables import FAILURES, PGS, SCHED
from tests.factories import AWAY, HOME, PLAYERS, rewrite
from tests.seasons.hurt import BACK, HURT, Hurt, hurt_rows
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    LAST,
    NIGHTS,
    PROCESSING,
    SECOND,
    THIRD,
    failures_of,
    give,
    part,
    run,
    scheduled,
    season_rows,
)
from tests.seasons.whole import EVERYBODY
from validation.expectation import ROW
from validation.thresholds import Completeness

pytestmark = pytest.mark.django_db

FEW, MISSING = "INSUFFICIENT_DATA", "MISSING_DEPENDENCY"
OTHERS = EVERYBODY[1:]


@pytest.fixture(autouse=True)
def judged(hurt_jobs: Hurt, own_warehouse: Path) -> Path:
    hurt_jobs.judged(own_warehouse)
    return own_warehouse


def names(day: date, code: str, **given: Any) -> list[str]:
    return [e.name for e in list_entities(day, code, **given).entities]


# Entities


def test_everybody_of_a_date_is_listed_and_counted_who_failed_first() -> None:
    page = list_entities(FIRST, "PSZA")
    assert [e.name for e in page.entities] == [HURT, *OTHERS]
    assert (page.total, page.page, page.pages, page.whole_date) == (10, 1, 1, "")
    assert page.tabs == {"failed": 1, FEW: 1, "row": 9, "as expected": 9, "explained": 1}


def test_an_entity_says_all_that_is_known_of_it() -> None:
    found, fine = list_entities(FIRST, "PSZA").entities[:2]
    assert (found.name, found.team, found.state, found.can_retry, found.games) == (
        HURT,
        AWAY,
        FEW,
        True,
        8,
    )
    assert (found.reason, found.match, found.must, found.root) == (
        "8 of 10 games before 2021-11-02",
        Match.EXPLAINED,
        FEW,
        "",
    )
    assert (fine.state, fine.match, fine.must, fine.games) == (ROW, Match.AS_EXPECTED, ROW, 14)


def test_a_missing_dependency_names_its_root() -> None:
    assert [(e.state, e.root) for e in list_entities(FIRST, "ML", category=MISSING).entities] == [
        (MISSING, f"PSZA: {FEW}")
    ]


def test_teams_are_entities_too() -> None:
    assert [(e.name, e.team, e.state, e.games) for e in list_entities(FIRST, "TDZA").entities] == [
        (HOME, HOME, FEW, 14), (AWAY, AWAY, FEW, 14),
    ]  # fmt: skip


HOMERS = [n for n in EVERYBODY if n.startswith("homer")]


def test_they_are_filtered_sorted_and_shown_page_by_page() -> None:
    for given, found in (
        ({"category": FEW}, [HURT]),
        ({"category": "failed"}, [HURT]),
        ({"category": "explained"}, [HURT]),
        ({"category": "row"}, OTHERS),
        ({"category": "no such"}, EVERYBODY),
        ({"search": " HOMER "}, HOMERS),
        ({"search": "8 of 10"}, [HURT]),
        ({"search": HOME.lower()}, HOMERS),
        ({"search": "nobody"}, []),
        ({"category": "row", "search": "3"}, [n for n in OTHERS if n.endswith("3")]),
        ({"sort": "entity", "descending": True}, EVERYBODY[::-1]),
        ({"sort": "games"}, EVERYBODY),
        ({"sort": "games", "descending": True, "per_page": 1, "page": 10}, [HURT]),
        ({"sort": "no such", "descending": True}, EVERYBODY),
        ({"per_page": 4, "page": 3}, EVERYBODY[8:]),
        ({"per_page": 4, "page": 99}, EVERYBODY[8:]),
        ({"per_page": 4, "page": -1}, EVERYBODY[:4]),
    ):
        assert names(FIRST, "PSZA", **given) == found, given


def test_what_is_outside_expectation_comes_first_and_says_how(judged: Path) -> None:
    without, twice, strange = OTHERS[:3]
    swapped = f"CASE player_lookup WHEN '{twice}' THEN '{HURT}' WHEN '{strange}' THEN 'x' ELSE player_lookup END"
    rewrite(
        part(judged, "PSZA", FIRST),
        f"SELECT * REPLACE ({swapped} AS player_lookup) FROM t WHERE player_lookup <> '{without}'",
    )
    slice_ = (
        judged
        / FAILURES.dataset
        / FAILURES.name
        / f"analysis_date={FIRST}"
        / f"processor_name={PROCESSORS['PSZA'].name}"
    )
    rewrite(slice_ / "part.parquet", f"SELECT * REPLACE ('{OTHERS[3]}' AS entity_id) FROM t")
    page = list_entities(FIRST, "PSZA")
    assert {e.name: (e.state, e.match) for e in page.entities if e.match.is_outside} == {
        HURT: (ROW, Match.LOST), "x": (ROW, Match.STRANGE), OTHERS[3]: (FEW, Match.STRANGE),
        **dict.fromkeys((without, twice, strange), ("", Match.UNACCOUNTED)),
    }  # fmt: skip
    assert [e.match.is_outside for e in page.entities] == [True] * 6 + [False] * 5
    assert names(FIRST, "PSZA", category="lost") == [HURT]
    assert "have a row" in report_entity(FIRST, "PSZA", without).outlook.text
    assert report_entity(FIRST, "PSZA", HURT).outlook.text.startswith(
        f"expected to fail with {FEW}"
    )


def test_who_was_not_run_is_not_unaccounted_for() -> None:
    Run.objects.all().delete()
    warehouse().replace(PROCESSORS["PCF"].output, [FIRST], "", {})
    assert list_entities(FIRST, "PCF").total == 0


def test_in_normal_mode_it_is_held_against_what_normal_mode_expects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        r
        for r in hurt_rows(PGS)
        if r["player_lookup"] != OTHERS[0] or r["game_date"] not in NIGHTS[10:12]
    ]
    give(PGS, rows, tmp_path)
    monkeypatch.setattr("validation.expectation.COMPLETENESS", Completeness(first_day=0))
    assert names(LAST, "PSZA", category="lost") == []
    Job.objects.update(options={**Job.objects.get().options, "mode": "normal"})
    assert names(LAST, "PSZA", category="lost") == [OTHERS[0]], (
        "eight of his team's newest ten games are found"
    )


def test_the_query_behind_the_numbers_answers_the_same() -> None:
    rows = warehouse().query(list_entities(FIRST, "PSZA").sql)
    mine = [r for r in rows if r["processor_name"] == PROCESSORS["PSZA"].name]
    assert sorted(r["entity"] for r in mine) == EVERYBODY
    assert [
        (r["d"], r["entity"], r["failure_category"], r["failure_reason"], r["can_retry"])
        for r in mine
        if r["failure_category"]
    ] == failures_of("PSZA", FIRST)


@pytest.mark.parametrize("day", [BOOTSTRAP[2], date(2021, 7, 1)])
def test_a_date_that_is_not_processed_is_refused(day: date) -> None:
    with pytest.raises(Refused, match=r"is not processed: (bootstrap|no games)"):
        list_entities(day, "PSZA")


@pytest.mark.parametrize(
    "text", ["o'neal", "back\\slash", "a\nb", "@day", "'; DROP TABLE x", "\\'"]
)
def test_a_name_of_any_kind_is_a_value_and_nothing_else(text: str) -> None:
    asked = ParameterizedQuery("SELECT @name AS name, @day AS d", {"name": text, "day": FIRST})
    assert asked.ask() == warehouse().query(asked.text) == [{"name": text, "d": FIRST}]


def test_many_dates_are_shown_as_their_range() -> None:
    assert literal([FIRST, SECOND]) == f"[DATE '{FIRST}', DATE '{SECOND}']"
    assert literal(list(NIGHTS)) == f"GENERATE_DATE_ARRAY(DATE '{NIGHTS[0]}', DATE '{LAST}')"


# One player


def test_a_story_tells_the_games_and_why_and_when_it_ends() -> None:
    story = report_entity(FIRST, "PSZA", HURT)
    assert (story.team, story.scheduled, story.played, story.minimum, story.window) == (
        AWAY,
        14,
        8,
        10,
        20,
    )
    assert [(g.date, g.opponent, g.part) for g in story.missed] == [
        (n, HOME, GameRole.DID_NOT_PLAY) for n in NIGHTS[5::-1]
    ]
    assert [g.date for g in story.games if g.in_window] == [
        n for n in reversed(NIGHTS) if BACK <= n < FIRST
    ]
    assert story.explanation == "fewer games than the minimum; 8 of 10 games before 2021-11-02"
    assert (story.outlook.games, story.outlook.day) == (2, THIRD)


def test_a_story_tells_what_upstream_said() -> None:
    story = report_entity(SECOND, "ML", HURT)
    assert [(said.code, said.state) for said in story.upstream] == [
        ("PSZA", FEW),
        ("PCF", ROW),
        ("PDC", MISSING),
    ]
    assert story.upstream[0].reason == "9 of 10 games before 2021-11-03"
    assert (story.root, story.outlook.day) == (f"PSZA: {FEW}", THIRD)
    assert (
        story.outlook.text == f"when upstream succeeds, after 1 more game ({THIRD} at the earliest)"
    )


def test_what_was_told_is_what_the_warehouse_holds_later() -> None:
    rows = season_of(2021, HURT).rows | season_of(2021, HOME).rows
    for code, one in [("PSZA", HURT), ("PDC", HURT), ("ML", HURT), ("TDZA", HOME)]:
        first = next(d.day.day for d in rows[code] if d.state == ROW)
        told = {
            report_entity(d.day.day, code, one).outlook.day for d in rows[code] if d.state != ROW
        }
        assert told == {first}, code


def test_a_game_without_a_row_is_told_from_one_that_he_did_not_play(tmp_path: Path) -> None:
    rows = [
        r
        for r in hurt_rows(PGS)
        if r["game_date"] != NIGHTS[1] and (r["game_date"], r["player_lookup"]) != (NIGHTS[0], HURT)
    ]
    give(PGS, rows, tmp_path)
    report = report_entity(FIRST, "PSZA", HURT)
    parts = {g.date: g.part for g in report.games}
    assert [parts[n] for n in (*NIGHTS[:3], BACK)] == [
        GameRole.LOST_ROW,  # the date has fewer rows than its game implies
        GameRole.NOBODY,
        GameRole.DID_NOT_PLAY,
        GameRole.PLAYED,
    ]
    assert {g.date for g in report.without_row} == {*NIGHTS[:2]}
    assert not {g.date for g in report.missed} & {*NIGHTS[:2]}


def test_first_success_follows_the_games_played_since(tmp_path: Path) -> None:
    missed = {*NIGHTS[:5], FIRST}  # nine games before the first date, none on it
    rows = [
        r
        for r in season_rows(PGS)
        if r["player_lookup"] != PLAYERS[HOME] or r["game_date"] not in missed
    ]
    give(PGS, rows, tmp_path)
    run("PSZA")
    outlook = report_entity(FIRST, "PSZA", PLAYERS[HOME]).outlook
    assert outlook.day == THIRD
    assert f"({SECOND} at the earliest); by the games played since, on {THIRD}" in outlook.text
    assert report_entity(SECOND, "PSZA", PLAYERS[HOME]).outlook.text.endswith("earliest)")


def test_games_that_are_not_played_yet_lie_ahead_too(tmp_path: Path) -> None:
    ahead = [
        scheduled(date(2021, 11, 9 + n), n) | {"home_team_abbr": HOME, "away_team_abbr": AWAY}
        for n in range(3)
    ]
    give(
        PGS,
        [r for r in hurt_rows(PGS) if r["player_lookup"] != HURT or r["game_date"] >= NIGHTS[8]],
        tmp_path,
    )
    give(SCHED, [*season_rows(SCHED), *ahead], tmp_path)
    for table in (PROCESSORS["PSZA"].output, FAILURES):
        warehouse().replace(
            table, [LAST], "", {}, PROCESSORS["PSZA"].name if table is FAILURES else ""
        )
    Run.objects.filter(date=LAST).delete()
    # The player has nine games before the last night and plays the tenth on it; the next date is a
    # scheduled game.
    outlook = report_entity(LAST, "PSZA", HURT).outlook
    assert (outlook.games, outlook.day) == (1, date(2021, 11, 9))


def test_nobody_has_no_story() -> None:
    with pytest.raises(Refused, match="unknown entity 'nobody' in the season"):
        report_entity(FIRST, "PSZA", "nobody")
    with pytest.raises(Refused, match="unknown entity 'nobody' in 2021-22"):
        season_of(2021, "nobody")


# One player over a season


def test_a_season_of_a_player_has_every_date_of_every_processor_about_players() -> None:
    season = season_of(2021, HURT)
    assert (season.team, [d.day for d in season.days], len(season.played)) == (
        AWAY,
        list(PROCESSING),
        12,
    )
    assert {code: [d.state for d in row] for code, row in season.rows.items()} == {
        "PSZA": [FEW, FEW, ROW, ROW],
        "PCF": [ROW] * 4,
        "PDC": [MISSING, MISSING, ROW, ROW],
        "ML": [MISSING, MISSING, ROW, ROW],
    }
    assert {d.match for row in season.rows.values() for d in row} == {
        Match.EXPLAINED,
        Match.AS_EXPECTED,
    }
    assert [d.games for d in season.rows["PSZA"]] == [8, 9, 10, 11]


def test_a_season_that_was_not_judged_is_read_from_the_warehouse_and_the_same() -> None:
    before = season_of(2021, HURT)
    AuditResult.objects.all().delete()
    assert season_of(2021, HURT) == before


def test_what_has_been_loaded_since_it_was_judged_is_read_from_the_warehouse(
    tmp_path: Path,
) -> None:
    give(
        PGS,
        [r for r in hurt_rows(PGS) if r["player_lookup"] != HURT or r["game_date"] > BACK],
        tmp_path,
    )
    third = season_of(2021, HURT).rows["PSZA"][2]
    assert (third.state, third.must, third.match) == (ROW, FEW, Match.LOST)


def test_the_queries_of_a_season_are_as_many_whatever_its_dates(
    django_assert_num_queries: Any,
) -> None:
    for dates in ([], PROCESSING[1:]):
        Run.objects.filter(date__in=dates).delete()
        with django_assert_num_queries(3):
            season_of(2021, HURT)


def test_entities_are_found_by_a_part_of_their_name() -> None:
    assert [n.entity for n in search_entities(2021, "AWAD")] == [
        n for n in EVERYBODY if n.startswith("awad")
    ]
    assert [(n.entity, n.is_team) for n in search_entities(2021, HOME)] == [(HOME, True)]
    assert (
        search_entities(2021, " ")
        == search_entities(2021, "nobody")
        == search_entities(2020, "awad")
        == []
    )
