"""Section 10 of the specification: checks that change the sources and run again, on any runner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random

from tests.oracle.chain import Runner, run_chain
from tests.oracle.compare import differences
from tests.oracle.expected import expected_statuses, statuses
from tests.oracle.invariants import check_date
from tests.oracle.outcome import ORDER, Outcome, Outcomes, Row, Rows, Tables
from tests.oracle.sources import Facts
from tests.strategies import League

Check = Callable[[League, Runner], None]

HISTORY_SOURCES = ("PGS", "TDGS", "TOGS")
VERSIONED_SOURCES = (*HISTORY_SOURCES, "UPGC", "UTGC")
# Columns of a team's row that another team's row can affect, through the league average.
LEAGUE_COLUMNS = ("_vs_league_avg", "_zone", "calculation_notes", "data_hash")


def chain(league: League, runner: Runner, backfill_mode: bool = True) -> dict[str, Outcomes]:
    """Run all five processors over the dates of a league."""
    return chain_of(league, runner, league.tables, league.dates, backfill_mode)


def chain_of(
    league: League,
    runner: Runner,
    tables: Tables,
    dates: Sequence[date],
    backfill_mode: bool = True,
) -> dict[str, Outcomes]:
    """Run the chain over other tables or dates."""
    return run_chain(
        tables, dates, season_start=league.season_start, backfill_mode=backfill_mode, runner=runner
    )


def assert_equal_chains(expected: dict[str, Outcomes], actual: dict[str, Outcomes]) -> None:
    """Assert that every row and failure of every processor is the same."""
    lines = [line for code in ORDER for line in differences(code, expected[code], actual[code])]
    assert not lines, "\n".join(lines[:40])


def on(results: dict[str, Outcomes], day: date) -> dict[str, Outcome]:
    """Return the outcomes of one date by processor."""
    return {code: outcomes[day] for code, outcomes in results.items()}


def check_statuses(league: League, results: dict[str, Outcomes], backfill_mode: bool) -> None:
    """Checks 1 and 2: no entity is lost, counted twice or failed without a reason."""
    facts = Facts(league.tables, league.season_start, backfill_mode)
    for day in league.dates:
        expected = expected_statuses(facts, day)
        for code in ORDER:
            assert statuses(results[code][day]) == expected[code], f"{code} {day}"


def check_invariants(league: League, results: dict[str, Outcomes]) -> None:
    """Checks 3 to 8."""
    for day in league.dates:
        check_date(on(results, day))


def check_cut_off(league: League, runner: Runner) -> None:
    """Check 9: deleting or changing rows outside the cut-off changes nothing."""
    day = league.dates[0]
    expected = chain_of(league, runner, league.tables, [day])
    for change in (_deleted, _tripled):
        altered = {
            short: _outside(rows, change, league, day)
            for short, rows in league.tables.items()
            if short in HISTORY_SOURCES
        }
        assert_equal_chains(expected, chain_of(league, runner, league.tables | altered, [day]))


def _outside(rows: Rows, change: Callable[[Row], Rows], league: League, day: date) -> Rows:
    return [
        new
        for r in rows
        for new in ([r] if league.season_start <= r["game_date"] < day else change(r))
    ]


def _deleted(row: Row) -> Rows:
    return []


def _tripled(row: Row) -> Rows:
    """Return a later version of the row with other, partly impossible numbers."""
    numbers = {
        c: -3 * v
        for c, v in row.items()
        if isinstance(v, int) and not isinstance(v, bool) and c != "season_year"
    }
    return [row | numbers | {"processed_at": row["processed_at"] + timedelta(days=99)}]


def check_repetition(league: League, runner: Runner) -> None:
    """Check 10: the same rows in another order give the same result."""
    rng = Random(0)
    shuffled = {short: rng.sample(rows, len(rows)) for short, rows in league.tables.items()}
    assert_equal_chains(chain(league, runner), chain_of(league, runner, shuffled, league.dates))


def check_order(league: League, runner: Runner) -> None:
    """Check 11: dates one by one, in reverse and in one batch give equal results."""
    batch = chain(league, runner)
    single = [chain_of(league, runner, league.tables, [day]) for day in league.dates]
    assert_equal_chains(
        batch, {code: {d: o for one in single for d, o in one[code].items()} for code in ORDER}
    )
    assert_equal_chains(batch, chain_of(league, runner, league.tables, league.dates[::-1]))


def check_older_copies(league: League, runner: Runner) -> None:
    """Check 13: an older copy of every source row, with other numbers, changes nothing."""
    older = {
        short: [*league.tables[short], *map(_older, league.tables[short])]
        for short in VERSIONED_SOURCES
    }
    expected = chain(league, runner)
    assert_equal_chains(expected, chain_of(league, runner, league.tables | older, league.dates))


def _older(row: Row) -> Row:
    numbers = {
        c: v + 1
        for c, v in row.items()
        if isinstance(v, int) and not isinstance(v, bool) and c != "season_year"
    }
    return row | numbers | {"processed_at": row["processed_at"] - timedelta(days=400)}


def check_faulty_player_game(league: League, runner: Runner) -> None:
    """Check 12 for a player: only that player fails, wherever the game is examined."""
    before, day, facts = _before(league, runner)
    player = next(iter(before["ML"].rows))
    faulty = {"paint_attempts": 1, "paint_makes": 2, "fg_attempts": 9}
    after = _after(league, runner, "PGS", facts.played(player, day)[3], faulty)
    for code in ORDER:
        changed = {
            e for e, status in statuses(after[code]).items() if status != statuses(before[code])[e]
        }
        assert changed == ({player} if code in ("PSZA", "PDC", "ML") else set()), code
        others = {entity: row for entity, row in before[code].rows.items() if entity != player}
        assert others == {
            entity: row for entity, row in after[code].rows.items() if entity != player
        }, code


def check_faulty_team_game(league: League, runner: Runner) -> None:
    """Check 12 for a team: it alone fails; others move only against the league."""
    before, day, facts = _before(league, runner)
    team = next(iter(before["TDZA"].rows))
    after = _after(
        league,
        runner,
        "TDGS",
        facts.history("TDGS", team, day)[4],
        {"opp_paint_attempts": 1, "opp_paint_makes": 2},
    )
    assert statuses(after["TDZA"]) == statuses(before["TDZA"]) | {team: "PROCESSING_ERROR"}
    for code in ("PSZA", "PCF", "PDC", "ML"):
        assert statuses(after[code]) == statuses(before[code]), code
    for code in ("PSZA", "PDC"):
        assert after[code] == before[code], code
    for other, row in after["TDZA"].rows.items():
        moved = {c for c, value in row.items() if value != before["TDZA"].rows[other][c]}
        assert all(c.endswith(LEAGUE_COLUMNS) for c in moved), f"{other}: {moved}"


def _before(league: League, runner: Runner) -> tuple[dict[str, Outcome], date, Facts]:
    day = league.dates[0]
    before = on(chain_of(league, runner, league.tables, [day]), day)
    assert before["TDZA"].rows, "the league is too small"
    assert before["ML"].rows, "the league is too small"
    return before, day, Facts(league.tables, league.season_start, True)


def _after(
    league: League, runner: Runner, short: str, row: Row, numbers: Row
) -> dict[str, Outcome]:
    """Run the first date again with a later, impossible version of the row."""
    day = league.dates[0]
    faulty = row | numbers | {"processed_at": row["processed_at"] + timedelta(days=1)}
    tables = league.tables | {short: [*league.tables[short], faulty]}
    return on(chain_of(league, runner, tables, [day]), day)
