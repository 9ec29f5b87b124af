"""Texts of `validation` that a person reads, each made from the actual kinds and rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import product

from tests.validation.judged_seasons import (
    DATES,
    A,
    B,
    C,
    D,
    all_of,
    blocked,
    failed,
    make_ran,
    make_season,
)
from validation import bands, categories, recovery, retry
from validation.coverage import ROWS_PER_GAME, Rows, phase3
from validation.expectation import (
    BAD,
    FEW,
    INCOMPLETE,
    MISSING,
    ROW,
    ExpectationDiff,
    GameHistory,
    GameRow,
    SeasonGames,
)
from validation.findings import kinds, mismatches, rates, runs
from validation.findings import phase3 as phase3_findings
from validation.findings.content import Jump, Share, Violation
from validation.findings.inputs import inputs
from validation.findings.kinds import FindingDraft
from validation.inputs import constants, names, numbers
from validation.inputs.cost import SeasonCosts
from validation.inputs.differences import SIDE_TABLES, GameSide
from validation.inputs.names import Alone
from validation.inputs.numbers import SUMS, SumCount, SumRow, ZoneRow
from validation.inputs.problem import InputProblem
from validation.inputs.sides import SCHEDULE_SENTENCES, Repeated
from validation.inputs.sides import problems as problems_of_sides
from validation.known_constants import PLACEHOLDERS, UNKNOWN_ALL_SEASON, ConstantKind
from validation.preflight import PreflightInput, judge, known_bug, seasons_missing
from validation.preflight_report import Item
from validation.processor_rules import PDC, PSZA, RULES, TDZA
from validation.season import Calendar, DateType, Day, Game, PostponedGame
from validation.source_rows import SourceRow

Named = Iterator[tuple[str, str]]  # where a text comes from, and the text
NIGHT = date(2021, 12, 20)
GAMES = [PostponedGame(dates=(NIGHT, NIGHT + timedelta(days=n)), game_id=f"g{n}") for n in range(9)]
WRONG_SEASON = Calendar([Game(game_date=NIGHT, season_year=2022)])
DAYS = tuple(
    Day(day=NIGHT + timedelta(days=n), type=DateType.REGULAR, index=62 + n, games=1 + n % 2)
    for n in range(8)
)


def kind_texts() -> Named:
    """Yield title, cause and advice of every kind of Finding, and of every failure category."""
    for kind in kinds.KINDS:
        for part in ("title", "cause", "advice"):
            yield f"{kind.name} {part}", getattr(kind, part)
    for category in categories.CATEGORIES:
        yield f"{category.name} meaning", category.meaning
        yield f"{category.name} advice", category.advice
    for known in (*PLACEHOLDERS, *UNKNOWN_ALL_SEASON):
        yield f"constant {known.columns}", known.because


def preflight_items() -> list[Item]:
    """Return items of every kind, with one and with several dates."""
    full: Rows = {(t, d.day): n * d.games for d in DAYS for t, n in ROWS_PER_GAME.items()}
    few = {key: n - (key[1] == NIGHT) for key, n in full.items()}
    existing = {PSZA: [d.day for d in DAYS], TDZA: [NIGHT], PDC: [NIGHT]}
    replaced = {PSZA: [NIGHT], TDZA: [NIGHT]}
    items: list[Item] = [seasons_missing(["2021-22"]), seasons_missing(["2021-22", "2022-23"])]
    for n in (1, 2, len(DAYS)):
        days, off = DAYS[:n], [Day(day=d.day, type=DateType.NO_GAMES) for d in DAYS[:n]]
        asked = {d.day for d in days}
        for rows in ({}, few, full):
            facts = PreflightInput(
                days=days, asked=asked, season=DAYS, rows=rows, output=existing,
                replaced=replaced, held="job 7 is running", expiring={"t": n},
                unfinished={"load of season 2021-22 interrupted, began 2026-11-01 10:00": "run it"},
                postponed=GAMES[:n], contradictions=WRONG_SEASON.contradictions().values(),
            )  # fmt: skip
            items += judge(facts).items
        last = {DAYS[-1].day}
        items += judge(PreflightInput(days=DAYS, asked=last, season=DAYS, rows={})).items
        items += judge(PreflightInput(days=off, asked=(), season=(), rows={})).items
        contradictions = input_problems([day.day for day in days])
        facts = PreflightInput(
            days=days, asked=asked, season=DAYS, rows=full, problems=contradictions
        )
        items += judge(facts).items
        apart = off[:: max(1, n - 1)]
        items += judge(PreflightInput(days=apart, asked=(), season=(), rows={})).items
    items.append(known_bug(5, NIGHT))
    return items


def preflight_texts() -> Named:
    """Yield sentence and advice of every kind of preflight item, and every coverage text."""
    for item in preflight_items():
        yield item.kind, str(item)
    for games, rows in product((1, 2, 10), (0, 1, 2, 12)):
        day = Day(day=NIGHT, type=DateType.REGULAR, index=62, games=games)
        for cell in phase3([day, *DAYS[1:]], {(t, NIGHT): rows for t in ROWS_PER_GAME}):
            yield "coverage", str(cell)


def retry_texts() -> Named:
    """Yield the reason of every retry rule for every combination of facts."""
    failures = (*retry.RULES, categories.UNKNOWN.name, "StatementFailed")
    causes = ({}, *({cause: n} for cause in (*categories.BY_NAME, retry.HAS_ROW) for n in (1, 2)))
    flags = (False, True)
    for name, cause, upstream in product(failures, causes, retry.UpstreamRuns):
        for phase3_changed, code_changed, waits_for in product(flags, flags, ((), (PSZA, PDC))):
            facts = retry.FailureFacts(
                failure=name, causes=cause, upstream=upstream, waits_for=waits_for,
                phase3_has_changed=phase3_changed, code_has_changed=code_changed,
                refused_for_upstream=code_changed,
            )  # fmt: skip
            yield f"retry {name}", retry.verdict(facts).reason


def recovery_texts() -> Named:
    """Yield the text of every status and processor, with and without games and absences ahead."""
    games = [GameRow(NIGHT - timedelta(days=n), f"g{n}", is_bad=n == 1) for n in (3, 2, 1)]
    for code, status, missed in product(RULES, (ROW, FEW, BAD, MISSING, INCOMPLETE), (0, 12)):
        history = GameHistory(games, RULES[code].window or 10)
        facts = SeasonGames(
            start=NIGHT - timedelta(days=30), players={"ann": history}, defenses={"ann": history}
        )
        for n in (0, 1, 2, 30):
            ahead = [NIGHT + timedelta(days=k) for k in range(n)]
            coming = recovery.UpcomingGames(ahead, ahead, missed)
            yield (
                f"recovery {code} {status}",
                recovery.recovery(facts, NIGHT, code, "ann", status=status, coming=coming).text,
            )


def band_texts() -> Named:
    """Yield the reason of every band, and a reading inside, above, below and without a band."""
    for code, rows in bands.RUNBOOK.items():
        for band in rows:
            yield f"band {code} {band}", f"{band}: {band.because}"
    history = bands.RateHistory(
        [bands.Rate(season=2020, index=5, failed=n, population=100) for n in (40, 40)]
    ).band(2021, 5)
    assert history
    equal = bands.Band(first_day=0, last_day=1, low=0.4, high=0.4, source="", because="")
    yield "band of other seasons", f"{history}: {history.because}"
    for band, failing, unexpected in product((None, history, equal), (0, 1, 40, 90), (0, 1)):
        for population in (0, 10, 100):
            n = min(failing, population)
            text = bands.reading(n, population, band, min(n, unexpected)).text
            yield "reading", text


def finding_drafts() -> list[FindingDraft]:
    """Return Findings of every module, about one and about several dates, rows and processors."""
    drafts: list[FindingDraft] = []
    for days in ([B], [B, C]):
        keys = [(code, day) for code in (TDZA, PSZA)[: len(days)] for day in days]
        diff = ExpectationDiff(
            population=9, unexplained={"a": FEW}, lost={"b": BAD}, unaccounted=frozenset("c")
        )
        season = make_season(*all_of(A, B, C, D), compared=dict.fromkeys(keys, diff))
        drafts += mismatches.mismatches(season)
        drafts += mismatches.duplicates(make_season(repeated=dict.fromkeys(keys, 1)))
        drafts += _of_runs(days) + _of_phase3(days) + _of_rates(days)
        drafts += inputs(season, input_problems(days), SeasonCosts(SeasonGames(start=A), DATES))
    return drafts


def input_problems(days: Sequence[date]) -> list[InputProblem]:
    """Return problems of every kind and cause, in one table and in all of them."""
    day, home, away = days[0], "ATL", "BOS"
    game = (day, home, away)
    found: list[InputProblem] = []
    for tables in (("PGS",), ("TDGS", "TOGS"), SIDE_TABLES):
        for team, other, at, scheduled in (
            (home, away, day + timedelta(days=1), game),
            (home, away, day - timedelta(days=1), game),
            (home, home, day, game),
            (home, "CHI", day, game),
            ("CHI", away, day, game),
            ("CHI", "DEN", day, game),
            ("ATX", away, day, game),
            (home, away, day, (None, None, None)),
        ):
            sides = [
                GameSide(t, "g", at, team, other, len(days), False, True, *scheduled)
                for t in tables
            ]
            found += problems_of_sides(sides, {"SCHED": [home, away, "CHI", "DEN"], "PGS": [home]})
        missing = [GameSide(t, "g", day, home, away, 0, True, True) for t in tables]
        other_id = [GameSide(t, "h", day, home, away, 9, False, True) for t in tables]
        found += problems_of_sides(missing, {}) + problems_of_sides([*missing, *other_id], {})
    repeated = [Repeated(what, what, d, home) for what in SCHEDULE_SENTENCES for d in days]
    found += problems_of_sides([], {}, repeated)
    games = frozenset(f"{day + timedelta(days=n)} g{n}" for n in range(12))
    alone = [
        Alone(table, name, home, None, games)
        for table, names in {"PGS": ("Ann", "bobjr", "carl"), "UPGC": ("ann", "bob")}.items()
        for name in names
    ]
    found += names.problems(alone)
    zone_rows = [
        ZoneRow(d, "g", home, "ann", 9, zones, 3, makes)
        for d in days
        for zones, makes in ((12, 3), (2, 1), (9, 4))
    ]
    found += numbers.zone_problems(zone_rows)
    found += _of_sums(days)
    shares = [
        Share("UPGC", column, day + timedelta(days=n), 200, nulls, zeros, distinct, 10, "2")
        for n in range(len(days) * 15)
        for column, nulls, zeros, distinct in (
            ("days_rest", 0, 0, 1), ("games_in_last_7_days", 0, 200, 1), ("home_game", 200, 0, 0)
        )
    ]  # fmt: skip
    of_teams = [share._replace(rows=20, zeros=20) for share in shares if share.zeros]
    found += constants.team_problems({home: of_teams, away: of_teams}, shares, ())
    return found + constants.problems(shares)


def _of_sums(days: Sequence[date]) -> list[InputProblem]:
    rows = [
        SumRow(d, "g", "ATL", "BOS", 9, 1.0, absent, "ann" if absent else None, False, values)
        for d in days
        for absent in (0, 1)
        for values in (((5, 4), *((3, 3),) * (len(SUMS) - 1)), ((5, 4),) * len(SUMS))
    ]
    counts = ([SumCount(9, 7, 0)], [SumCount(9, 0, 8)], [SumCount(9, 1, 1)])
    return [p for c in counts for p in numbers.sum_problems(c * len(SUMS), rows, ())]


def _of_runs(days: list[date]) -> list[FindingDraft]:
    ran = [
        *(make_ran(TDZA, day) for day in (A, D)),
        *(failed(TDZA, day, "e", error="WarehouseBusy", no_population=True) for day in days),
        *(blocked(code, day) for code in (PSZA, PDC)[: len(days)] for day in days),
        *(blocked("PCF", D) for _ in days),
        *(make_ran("ML", day, is_lost=True, statement_changed=True) for day in days),
    ]
    found = [*runs.runs(make_season(*ran), frozenset()), *_gaps(days)]
    found += runs.no_longer_planned(make_season(*ran), {(PSZA, day): 9 for day in days}, "command")
    for part in ("query", "write", "check"):
        slow = [make_ran(PSZA, day, **{f"{part}_seconds": 400.0}) for day in days]
        usual = [make_ran(PSZA, A, query_seconds=1.0), make_ran(PSZA, D, query_seconds=1.0)]
        found += runs.slow(make_season(*slow, *usual))
    return found


def _gaps(days: list[date]) -> Iterator[FindingDraft]:
    others = [make_ran(code, day) for code in (TDZA, PSZA)[: len(days)] for day in (A, D)]
    return runs.runs(make_season(*others), frozenset())


def _of_phase3(days: list[date]) -> list[FindingDraft]:
    season, n = make_season(*all_of(A, B, C, D)), len(days)
    norm = {day: Day(day=day, type=DateType.REGULAR, index=20, games=2) for day in (*days, D)}
    full = {(t, d): rows * 2 for t, rows in ROWS_PER_GAME.items() for d in norm}
    none = {key: 0 if key[1] in days else rows for key, rows in full.items()}
    one = {key: 1 if key[1] in days else rows for key, rows in full.items()}
    keys = [(PSZA, day) for day in days]
    groups = [
        phase3_findings.BugGroup(
            id="1", what="UNKNOWN", keys=frozenset(keys), count=n,
            texts={"text": n, "other": 1}, is_of_source=is_of_source,
            rows=(SourceRow(day=B, entity="ann", game_id="g", table="PGS"),),
        )
        for is_of_source in (False, True)
    ]  # fmt: skip
    columns = [
        Jump(
            table=table, columns=("points", "minutes")[:n], what=what, dates=tuple(days),
            share=0.9, reference=0.0, sources=sources,
        )
        for what in ConstantKind
        for table, sources in (("PGS", ()), (PSZA, ("PGS.points",)))
    ]  # fmt: skip
    columns[0] = Jump(**{**vars(columns[0]), "followers": tuple(columns[1:])})
    wrong = [
        Violation(check="sum", processor=PSZA, date=day, count=1, sample="ann", sentence="sum")
        for day in days
    ]
    coverage = [phase3(list(norm.values()), rows) for rows in (none, one)]
    return [
        *phase3_findings.missing(season, coverage[0], {days[0]: n}),
        *phase3_findings.missing(season, [c for c in coverage[0] if "defense" in c.table], {}),
        *phase3_findings.unfinished(season, {"load of season 2021-22 interrupted": "run it"}),
        *phase3_findings.low(season, coverage[1], {}),
        *phase3_findings.postponed(season, GAMES[:n]),
        *phase3_findings.twice(season, {("PGS", day): n for day in days}),
        *phase3_findings.bugs(season, groups),
        *phase3_findings.jumps(season, columns),
        *phase3_findings.stale(season, keys, [], n),
        *phase3_findings.stale(season, [], keys, n),
        *mismatches.violations(season, wrong),
    ]


def _of_rates(days: list[date]) -> list[FindingDraft]:
    found: list[FindingDraft] = []
    high = (*(8, 12)[: len(days)], 19)  # the last date has no later neighbors
    for unexpected, low in product((0, 1), (1, 10)):
        course = [
            rates.Rated(
                processor=PSZA,
                day=Day(day=NIGHT + timedelta(days=n), type=DateType.REGULAR, index=62 + n),
                rows=100 - low - 80 * (n in high),
                failures={FEW: low + 80 * (n in high)},
                unexplained=unexpected,
            )
            for n in range(20)
        ]
        band = bands.band(PSZA, 70)
        readings = [(r, bands.reading(r.failed, r.population, band, 0)) for r in course]
        found += [*rates.flags(course), *rates.out_of_band(readings)]
    return found


def finding_texts() -> Named:
    """Yield sentence, cause and manual step of Findings of every kind."""
    for draft in finding_drafts():
        yield f"{draft.kind.name} sentence", draft.sentence
        yield f"{draft.kind.name} cause", draft.cause
        if draft.action:
            yield f"{draft.kind.name} first step", draft.action.first


ALL = {
    "kinds": kind_texts,
    "preflight": preflight_texts,
    "retry": retry_texts,
    "recovery": recovery_texts,
    "bands": band_texts,
    "findings": finding_texts,
}
