"""`manage.py triage`, `finding` and `validate_pipeline` on an intact and on an edited season."""

from __future__ import annotations

import getpass
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backfill.audit.findings_store import SeasonFindings, keep
from backfill.audit.marking import run_audit
from backfill.audit.season_summary import season_summaries
from backfill.models import Event, Finding, Run, SeasonAudit
from backfill.processors.registry import CHAIN, PROCESSORS
from backfill.status.season_grid import season_grid
from backfill.warehouse.tables import FAILURES, INPUTS, PGS, TDGS, UPGC
from tests.backfill.shell import Answer, Shell
from tests.factories import AWAY, HOME, rewrite
from tests.once import copy_warehouse
from tests.seasons.inputs import input_file
from tests.seasons.tiny import (
    BOOTSTRAP,
    FIRST,
    LAST,
    NIGHTS,
    OPENING,
    PROCESSING,
    SECOND,
    THIRD,
    break_on,
    cut,
    give,
    make_options,
    part,
    rows_of,
    season_rows,
)
from tests.seasons.whole import A_SIDE, EVERYBODY, Whole, whole_rows
from validation.findings import kinds
from validation.findings.kinds import FindingDraft as Found
from validation.findings.kinds import ProposedBackfill

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.shell]

HEAD = "Audited {} runs of 1 season: 0 unexpected failures; {}\n"
FEW = "  2 TDZA INSUFFICIENT_DATA\n"  # on the first date every team is one game short
CLEAN = HEAD.format(20, "no open findings") + FEW
ROOTS = [{"root": "TDZA INSUFFICIENT_DATA", "failures": 2, "following": 0}]
SOMEBODY = EVERYBODY[0]


@pytest.fixture
def loaded(whole_jobs: Whole, own_warehouse: Path) -> Path:
    """Return a warehouse with the whole season loaded and no processor run."""
    copy_warehouse(whole_jobs.loaded_season, own_warehouse)
    return own_warehouse


@pytest.fixture
def whole(whole_jobs: Whole, own_warehouse: Path) -> Path:
    """Return a warehouse with every processor run and no defects."""
    whole_jobs.job(make_options(batch_size=4), own_warehouse)
    return own_warehouse


def squeezed(answer: Answer) -> list[str]:
    return [" ".join(line.split()) for line in answer.out.splitlines()]


def carry_out(shell: Shell, action: dict[str, Any] | None) -> None:
    """Run the proposed command line in this process, in few batches to save time."""
    assert action
    words = (*action["command"].split()[1:], "--overwrites", "any")
    answer = shell(*words, "--inline", "--batch-size", 9, "--no-canary")
    assert answer.code == 0, answer


# Triage


def test_a_season_that_was_not_run_has_nothing_to_look_at(shell: Shell, loaded: Path) -> None:
    assert shell("triage") == Answer(0, HEAD.format(0, "no open findings"), "")


def test_a_season_without_fault_has_nothing_to_look_at(shell: Shell, whole: Path) -> None:
    assert shell("triage") == Answer(0, CLEAN, "")
    assert shell("triage", "--json").document == {
        "findings": [],
        "unexplained": 0,
        "judged": 20,
        "waiting": 0,
        "seasons": [2021],
        "roots": ROOTS,
    }
    assert SeasonAudit.objects.values("season", "compared", "unexplained").get() == {
        "season": 2021,
        "compared": 20,
        "unexplained": 0,
    }


def test_lost_partitions_are_found_proposed_to_be_run_again_and_then_gone(
    shell: Shell, whole: Path
) -> None:
    part(whole, "PSZA", SECOND).unlink()
    cut(part(whole, "PCF", THIRD))
    answer = shell("triage")
    found, kind = Finding.objects.get(), kinds.LOST_PARTITION
    cells, (summary,) = season_grid(2021).cells, season_summaries()
    lost = {key: cell for key, cell in cells.items() if cell.state == "output lost"}
    assert lost.keys() == {("PSZA", SECOND), ("PCF", THIRD)}
    assert {(cell.rows, cell.failed, cell.outside) for cell in lost.values()} == {
        (None, 0, A_SIDE * 2)
    }
    assert summary.failures == sum(cell.failed for cell in cells.values())
    assert summary.outside == A_SIDE * 4
    command = f"backfill --start {SECOND} --end {THIRD} --processors PSZA,PCF,PDC,ML"
    assert (answer.code, answer.err, squeezed(answer)) == (
        1,
        "",
        [
            HEAD.format(18, "1 problem").strip(),
            FEW.strip(),
            f"#{found.pk} problem: lost partition: 2 runs (PSZA, PCF): {kind.title}, {SECOND} to {THIRD}",
            f"cause: {kind.cause}",
            f"next: {kind.advice} `manage.py {command}`",
        ],
    )
    carry_out(shell, found.action)
    assert shell("triage") == Answer(0, CLEAN, "")
    assert "output lost" not in season_grid(2021).counts()
    found.refresh_from_db()
    assert (found.state, len(rows_of("PSZA", SECOND)), len(rows_of("PCF", THIRD))) == (
        "closed",
        A_SIDE * 2,
        A_SIDE * 2,
    )


EDITS = {
    ("PSZA", FIRST): (
        "unaccounted",
        f"SELECT * REPLACE (REPLACE(player_lookup, '{SOMEBODY}', 'x') AS player_lookup) FROM t",
    ),
    ("PCF", SECOND): (
        "wrong content",
        "SELECT * REPLACE (total_composite_adjustment + 1 AS total_composite_adjustment) FROM t",
    ),
    ("ML", LAST): (
        "duplicate output",
        f"SELECT * FROM t UNION ALL SELECT * FROM t WHERE player_lookup = '{SOMEBODY}'",
    ),
}


@pytest.fixture
def edited(whole: Path) -> Path:
    """Edit one partition on each date."""
    for (code, day), (_, select) in EDITS.items():
        rewrite(part(whole, code, day), select)
    return whole


@pytest.mark.usefixtures("edited")
def test_partitions_edited_by_hand_are_found_and_right_again_after_what_is_proposed(
    shell: Shell,
) -> None:
    answer = shell("triage", "--json")
    found = answer.document["findings"]
    assert (answer.code, {f["state"] for f in found}) == (1, {"open"})
    for (code, day), (kind, _) in EDITS.items():
        (told,) = (
            f
            for f in found
            if (f["kind"], f["processors"], f["dates"]) == (kind, [code], [str(day)])
        )
        assert told["action"]["force"]
        carry_out(shell, told["action"])
    assert shell("triage") == Answer(0, CLEAN, "")
    assert {f.state for f in Finding.objects.all()} == {"closed"}


def test_failures_removed_by_hand_are_told_as_unaccounted(shell: Shell, whole: Path) -> None:
    folder = (
        whole
        / FAILURES.dataset
        / FAILURES.name
        / f"analysis_date={FIRST}"
        / f"processor_name={PROCESSORS['TDZA'].name}"
    )
    (file,) = folder.glob("*.parquet")
    rewrite(file, "SELECT * FROM t WHERE FALSE")
    (found,) = shell("triage", "--json").document["findings"]
    assert (found["kind"], found["sentence"]) == (
        "unaccounted",
        f"TDZA: 2 unaccounted entities, {FIRST}",
    )


def test_a_failure_in_place_of_a_row_is_unexplained_and_counted(shell: Shell, whole: Path) -> None:
    rewrite(part(whole, "PSZA", LAST), f"SELECT * FROM t WHERE player_lookup <> '{SOMEBODY}'")
    folder = (
        whole
        / FAILURES.dataset
        / FAILURES.name
        / f"analysis_date={FIRST}"
        / f"processor_name={PROCESSORS['TDZA'].name}"
    )
    (model,) = folder.glob("*.parquet")
    mine = Path(
        str(folder)
        .replace(str(FIRST), str(LAST))
        .replace(PROCESSORS["TDZA"].name, PROCESSORS["PSZA"].name)
    )
    (file,) = mine.glob("*.parquet")
    shutil.copy(model, file)
    rewrite(
        file,
        f"SELECT * REPLACE ('{PROCESSORS['PSZA'].name}' AS processor_name, DATE '{LAST}' AS analysis_date, "
        f"'{SOMEBODY}' AS entity_id) FROM t WHERE entity_id = '{HOME}'",
    )
    answer = shell("triage", "--json")
    told = [f["sentence"] for f in answer.document["findings"] if f["kind"] == "unexplained"]
    assert told == [f"PSZA: 1 unexpected failure (1 INSUFFICIENT_DATA), {LAST}"]
    assert answer.document["unexplained"] == 1


def test_a_lost_partition_is_first_and_its_backfill_goes_past_a_bug(
    shell: Shell, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_on(patch, "TDZA", SECOND)
        assert (
            shell.backfill(
                "--start",
                SECOND,
                "--end",
                SECOND,
                "--processors",
                "TDZA",
                "--force",
                "--no-brake",
                "--overwrites",
                1,
            ).code
            == 1
        )
    part(whole, "PSZA", SECOND).unlink()
    lost, bug = shell("triage", "--json").document["findings"]
    assert (bug["kind"], bug["processors"], bug["action"]["brake"]) == ("bug", ["TDZA"], True)
    assert (
        lost["kind"],
        lost["action"]["brake"],
        "--no-canary --no-pause-on-error" in lost["action"]["command"],
    ) == (
        "lost partition",
        False,
        True,
    )


def test_what_is_proposed_about_phase_3_heals_once_phase_3_is_there(
    shell: Shell, whole: Path, tmp_path: Path
) -> None:
    rows = whole_rows(PGS)
    give(PGS, [row for row in rows if row["game_date"] != SECOND], tmp_path)
    answer = shell("triage", "--json")
    told = {f["kind"]: f for f in answer.document["findings"]}
    assert (answer.code, set(told)) == (1, {"Phase 3 missing", "forward cascade"})
    missing = told["Phase 3 missing"]
    assert (
        missing["sentence"]
        == f"{SECOND}: games played, but no rows in nba_analytics.player_game_summary"
    )
    assert (missing["action"]["first"], missing["action"]["outdated"]) == (
        f"run Phase 3 for {SECOND} and load it with `manage.py load_phase3 DIR`", True,
    )  # fmt: skip
    assert told["forward cascade"]["dates"] == [str(THIRD), str(LAST)]
    carry_out(shell, told["forward cascade"]["action"])
    give(PGS, rows, tmp_path)
    carry_out(shell, missing["action"])
    assert shell("triage") == Answer(0, CLEAN, "")


def test_the_seconds_of_the_completeness_check_are_those_of_the_query_and_counted_once(
    shell: Shell, whole: Path
) -> None:
    checks = [{"name": "completeness", "status": "passed", "seconds": 200.0, "why": ""}]
    Run.objects.filter(processor="PSZA", date=LAST).update(
        query_seconds=200.0, write_seconds=1.0, checks=checks
    )
    (found,) = shell("triage", "--json").document["findings"]
    assert (found["kind"], found["cause"]) == (
        "slow",
        "3 min 20 s of 3 min 21 s spent on the query: a busy machine, or small batches",
    )


def test_what_is_being_run_is_not_judged(shell: Shell, whole: Path) -> None:
    rewrite(part(whole, "PSZA", LAST), "SELECT * FROM t WHERE FALSE")
    run = Run.objects.get(processor="PSZA", date=LAST)
    Run.objects.filter(pk=run.pk).update(status="running")
    (judged,) = run_audit()
    assert ("PSZA", LAST) not in judged.compared
    assert "unaccounted" not in [f.kind for f in Finding.objects.all()]


def test_a_range_lists_what_reaches_it(shell: Shell, whole: Path) -> None:
    part(whole, "ML", FIRST).unlink()
    rewrite(part(whole, "ML", LAST), f"SELECT * FROM t WHERE player_lookup <> '{SOMEBODY}'")

    def told(*words: object) -> tuple[int, list[str]]:
        answer = shell("triage", *words, "--json")
        return answer.code, [f["kind"] for f in answer.document["findings"]]

    assert told("--end", THIRD) == (1, ["lost partition"])
    assert told("--start", SECOND, "--end", THIRD) == (0, [])


def test_notes_and_what_is_settled_are_listed_on_demand(shell: Shell, whole: Path) -> None:
    part(whole, "ML", FIRST).unlink()
    shell("triage")
    finding = Finding.objects.get()
    shell("finding", finding.pk, "--expected", "--reason", "as it should be")
    assert shell("triage") == Answer(0, CLEAN.replace(" 20 ", " 19 "), "")
    line = f"#{finding.pk} problem: lost partition [expected by {getpass.getuser()}: as it should be]: {finding.sentence}"
    assert squeezed(shell("triage", "--all"))[2] == line


WRONG = {
    "the end lies before the start": (
        ["--start", LAST, "--end", FIRST],
        f"--end {FIRST} is before --start {LAST}; swap them",
    ),
    "no season is loaded there": (
        ["--start", "2030-01-01"],
        "no season of this range is loaded; load one with `manage.py load_phase3 DIR`",
    ),
    "the season before": (
        ["--end", "2021-09-30"],
        "no season of this range is loaded; load one with `manage.py load_phase3 DIR`",
    ),
    "no date": (
        ["--start", "yesterday"],
        "--start: 'yesterday' is not a date; write it as YYYY-MM-DD, for example 2021-11-22",
    ),
    "an option that is none": (
        ["--begin", FIRST],
        "unrecognized arguments: --begin 2021-11-02 (see --help)",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_triage_answers_a_mistake_in_one_line(shell: Shell, loaded: Path, wrong: str) -> None:
    words, sentence = WRONG[wrong]
    assert shell("triage", *words) == Answer(2, "", f"{sentence}\n")


def test_triage_of_an_empty_warehouse_says_what_to_load(shell: Shell) -> None:
    sentence = "no season of this range is loaded; load one with `manage.py load_phase3 DIR`\n"
    assert shell("triage") == Answer(2, "", sentence)


def test_a_warehouse_that_cannot_be_read_is_no_good_news(shell: Shell, whole: Path) -> None:
    file = input_file(whole, PGS)
    cut(file)
    answer = shell("triage")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert str(file) in answer.err
    assert not SeasonAudit.objects.exists()


# One finding

ACTION = ProposedBackfill(start=FIRST, end=THIRD, processors=("ML",), force=True)
COMMAND = f"manage.py backfill --start {FIRST} --end {THIRD} --processors ML --force"


@pytest.fixture
def finding() -> Finding:
    """Return a newly opened Finding."""
    told = {
        "processors": ("ML",),
        "count": 2,
        "numbers": {"runs": 2},
        "query": "SELECT 1\nFROM t",
        "action": ACTION,
    }
    keep(
        SeasonFindings(
            season=2021,
            findings=[
                Found(
                    kind=kinds.SLOW,
                    season=2021,
                    subject="ML",
                    sentence="a sentence",
                    dates=(FIRST, THIRD),
                    **told,
                )
            ],
        )
    )
    return Finding.objects.get()


def test_a_finding_is_shown_with_its_evidence_its_history_and_its_query(
    shell: Shell, finding: Finding
) -> None:
    opened = Event.objects.get(finding=finding)
    assert shell("finding", finding.pk) == Answer(
        0,
        "\n".join(
            [
                f"#{finding.pk} warning: slow: a sentence",
                f"    cause: {kinds.SLOW.cause}",
                f"    next:  {kinds.SLOW.advice} `{COMMAND}`",
                f"    step 1 current: {kinds.SLOW.advice}",
                "    step 2 waiting: Closed",
                f"    dates: {FIRST} to {THIRD} (2)",
                "    runs: 2",
                "  history",
                f"    {opened.at:%Y-%m-%d %H:%M} open by {opened.actor}: a sentence",
                "  query",
                "SELECT 1",
                "FROM t",
                "",
            ]
        ),
        "",
    )


def test_a_finding_as_a_document_is_all_that_is_known_of_it(shell: Shell, finding: Finding) -> None:
    document = shell("finding", finding.pk, "--json").document
    assert document.pop("found_at")
    assert document == {
        "finding": finding.pk,
        "kind": "slow",
        "severity": "warning",
        "state": "open",
        "season": 2021,
        "processors": ["ML"],
        "first": str(FIRST),
        "last": str(THIRD),
        "dates": [str(FIRST), str(THIRD)],
        "count": 2,
        "sentence": "a sentence",
        "cause": kinds.SLOW.cause,
        "advice": kinds.SLOW.advice,
        "marked_by": "",
        "note": "",
        "evidence": {"numbers": {"runs": 2}, "query": "SELECT 1\nFROM t"},
        "action": {
            "start": str(FIRST),
            "end": str(THIRD),
            "processors": ["ML"],
            "force": True,
            "outdated": False,
            "brake": True,
            "first": "",
            "command": COMMAND,
        },
        "root": None,
        "consequences": [],
        "steps": [
            {
                "name": "look",
                "title": "Check the evidence",
                "state": "current",
                "text": kinds.SLOW.advice,
                "at": None,
            },
            {"name": "closed", "title": "Closed", "state": "waiting", "text": "", "at": None},
        ],
    }


@pytest.mark.parametrize(
    ("mark", "state"),
    [("acknowledge", "acknowledged"), ("expected", "expected"), ("fixed", "fixed")],
)
def test_a_finding_is_marked_with_a_reason_and_the_mark_taken_back(
    shell: Shell, finding: Finding, mark: str, state: str
) -> None:
    actor = getpass.getuser()
    answer = shell("finding", finding.pk, f"--{mark}", "--reason", "so it is")
    first = f"#{finding.pk} warning: slow [{state} by {actor}: so it is]: a sentence"
    assert (answer.code, answer.err, squeezed(answer)[0], len(squeezed(answer))) == (
        0,
        "",
        first,
        3,
    )
    document = shell("finding", finding.pk, "--json").document
    assert (document["state"], document["marked_by"], document["note"]) == (
        state,
        actor,
        "so it is",
    )
    document = shell("finding", finding.pk, "--reopen", "--reason", "not so", "--json").document
    assert (document["state"], document["marked_by"], document["note"]) == ("open", "", "")
    marks = [(e.action, e.actor, e.reason) for e in finding.events.order_by("pk")][1:]
    assert marks == [(f"open → {state}", actor, "so it is"), (f"{state} → open", actor, "not so")]


MISTAKES = {
    "no number": (["x"], "N: 'x' is not a whole number"),
    "a number that is none": (
        [4711],
        "finding 4711 does not exist; `manage.py triage --all` lists the findings",
    ),
    "no finding": ([], "the following arguments are required: N (see --help)"),
    "no reason": (["{0}", "--fixed"], "a reason is required: add --reason TEXT"),
    "an empty reason": (
        ["{0}", "--fixed", "--reason", " "],
        "a reason is required: add --reason TEXT",
    ),
    "a reason for nothing": (
        ["{0}", "--reason", "so"],
        "--reason needs a mark; add one of --acknowledge, --expected, --fixed, --reopen",
    ),
    "two marks": (
        ["{0}", "--fixed", "--expected", "--reason", "so"],
        "argument --expected: not allowed with argument --fixed (see --help)",
    ),
    "the same state": (["{0}", "--reopen", "--reason", "so"], "finding {0} is already open"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_finding_answers_a_mistake_in_one_line_and_changes_nothing(
    shell: Shell, finding: Finding, mistake: str
) -> None:
    words, sentence = MISTAKES[mistake]
    answer = shell("finding", *(str(word).format(finding.pk) for word in words))
    assert answer == Answer(2, "", f"{sentence.format(finding.pk)}\n")
    assert (Finding.objects.get().state, Event.objects.filter(finding=finding).count()) == (
        "open",
        1,
    )


def test_a_closed_finding_is_shown_and_cannot_be_marked(shell: Shell, finding: Finding) -> None:
    keep(SeasonFindings(season=2021, findings=[]))
    assert (
        squeezed(shell("finding", finding.pk))[0]
        == f"#{finding.pk} warning: slow [closed]: a sentence"
    )
    sentence = f"finding {finding.pk} is closed: its evidence is gone; it reopens when the evidence returns\n"
    assert shell("finding", finding.pk, "--fixed", "--reason", "so") == Answer(2, "", sentence)


# Validation of dates


def states(answer: Answer) -> dict[str, set[str]]:
    """Return the states of each date."""
    found: dict[str, set[str]] = {}
    for checked in answer.document["dates"]:
        found.setdefault(checked["date"], set()).add(checked["state"])
    return found


def of(answer: Answer, name: str) -> dict[str, Any]:
    """Return the entry of one processor or table."""
    (found,) = (checked for checked in answer.document["dates"] if checked["what"] == name)
    return found


def test_a_whole_season_is_complete_and_bootstrap_and_nights_off_are_right_too(
    shell: Shell, whole: Path
) -> None:
    answer = shell("validate_pipeline", BOOTSTRAP[-1], LAST + timedelta(days=1), "--phase", 4)
    day_off = LAST + timedelta(days=1)
    first = f"{FIRST} TDZA complete 0 2 100 % 2 INSUFFICIENT_DATA 100 % (2 of 2), no band: fewer than 20 entities; "
    lines = [
        f"{day} {code} complete {len(EVERYBODY)} {len(EVERYBODY)} 100 %"
        for day in PROCESSING
        for code in CHAIN
    ]
    lines = [
        line.replace(f"complete {len(EVERYBODY)} {len(EVERYBODY)}", "complete 2 2")
        if "TDZA" in line
        else line
        for line in lines
    ]
    assert (answer.code, answer.err, squeezed(answer)) == (
        0,
        "",
        [
            "date table state rows expected coverage failures result",
            f"{BOOTSTRAP[-1]} - bootstrap 0 0 bootstrap: day 13, processing starts on day 14",
            f"{first}2 failures, all expected",
            *lines[1:],
            f"{day_off} - not a game date 0 0 no games",
            "20 complete, 1 bootstrap, 1 not a game date",
        ],
    )


def test_a_date_as_a_document(shell: Shell, whole: Path) -> None:
    document = shell("validate_pipeline", FIRST, "--json").document
    few = {"rows": 0, "expected": 2, "coverage": 1.0, "failures": {"INSUFFICIENT_DATA": 2}}
    verdict = "100 % (2 of 2), no band: fewer than 20 entities; 2 failures, all expected"
    rows = {"rows": 10, "expected": 10, "coverage": 1.0, "failures": {}}
    day = {"date": str(FIRST), "type": "regular", "day": 14, "state": "complete", "follows": {}}
    others = [day | rows | {"what": code, "verdict": "", "stale": ""} for code in CHAIN[1:]]
    assert document == {
        "phase": 4,
        "complete": True,
        "stale": 0,
        "dates": [day | few | {"what": "TDZA", "verdict": verdict, "stale": ""}, *others],
    }


def test_verbose_names_the_entities_behind_the_numbers(shell: Shell, whole: Path) -> None:
    answer = shell("validate_pipeline", FIRST, "--verbose")
    assert f"{FIRST} TDZA INSUFFICIENT_DATA: {HOME}, {AWAY}" in answer.out.splitlines()
    checked = of(shell("validate_pipeline", FIRST, "--verbose", "--json"), "TDZA")
    assert checked["entities"] == {"INSUFFICIENT_DATA": [HOME, AWAY]}


@pytest.mark.usefixtures("edited")
def test_a_date_with_too_few_or_too_many_rows_is_partial_whatever_its_runs_say(
    shell: Shell,
) -> None:
    answer = shell("validate_pipeline", FIRST, LAST, "--verbose", "--json")
    assert (answer.code, answer.document["complete"]) == (1, False)
    partial = [c for c in answer.document["dates"] if c["state"] != "complete"]
    assert [(c["what"], c["date"], c["state"], c["verdict"], c["entities"]) for c in partial] == [
        (
            "PSZA",
            str(FIRST),
            "partial",
            "1 unaccounted; 1 outside the population",
            {"unaccounted": [SOMEBODY], "strange": ["x"]},
        ),
        ("ML", str(LAST), "partial", "1 duplicate key", {}),
    ]


def test_what_was_never_run_is_missing_and_so_is_what_is_gone(shell: Shell, whole: Path) -> None:
    part(whole, "ML", SECOND).unlink()
    Run.objects.filter(processor="PCF", date=SECOND).delete()
    part(whole, "PCF", SECOND).unlink()
    answer = shell("validate_pipeline", SECOND, "--json")
    told = {
        c["what"]: (c["state"], c["verdict"])
        for c in answer.document["dates"]
        if c["state"] != "complete"
    }
    gone = "complete, but the partition is missing or unreadable"
    assert (answer.code, told) == (
        1,
        {"PCF": ("missing", "never run"), "ML": ("missing", gone)},
    )


def test_a_season_that_was_not_run_is_missing(shell: Shell, loaded: Path) -> None:
    answer = shell("validate_pipeline", BOOTSTRAP[-1], SECOND, "--json")
    assert (answer.code, states(answer)) == (1, {
        str(BOOTSTRAP[-1]): {"bootstrap"}, str(FIRST): {"missing"}, str(SECOND): {"missing"},
    })  # fmt: skip
    assert squeezed(shell("validate_pipeline", FIRST))[-1] == "5 missing"


def test_what_is_being_run_is_not_complete_yet(shell: Shell, whole: Path) -> None:
    Run.objects.filter(processor="ML", date=LAST).update(status="running")
    checked = of(shell("validate_pipeline", LAST, "--json"), "ML")
    assert (checked["state"], checked["verdict"]) == ("partial", "running now")


def test_a_date_that_failed_as_a_whole_is_partial(
    shell: Shell, whole: Path, tmp_path: Path
) -> None:
    give(UPGC, [row for row in whole_rows(UPGC) if row["game_date"] != SECOND], tmp_path)
    shell.backfill(
        "--start",
        SECOND,
        "--end",
        SECOND,
        "--processors",
        "PCF",
        "--force",
        "--overwrites",
        1,
        "--skip-preflight",
        "--reason",
        "so",
    )
    checked = of(shell("validate_pipeline", SECOND, "--json"), "PCF")
    assert (checked["state"], checked["verdict"]) == (
        "partial",
        "whole date failed: MISSING_DEPENDENCY",
    )


def test_a_missing_dependency_says_which_failure_it_follows_from(
    shell: Shell, whole: Path, tmp_path: Path
) -> None:
    games = [
        row
        for row in whole_rows(PGS)
        if row["player_lookup"] != SOMEBODY or row["game_date"] >= NIGHTS[9]
    ]
    give(PGS, games, tmp_path)
    assert (
        shell.backfill(
            "--start",
            FIRST,
            "--end",
            FIRST,
            "--processors",
            "PSZA,PCF,PDC,ML",
            "--force",
            "--overwrites",
            4,
        ).code
        == 0
    )
    answer = shell("validate_pipeline", FIRST, "--json")
    told = {
        c["what"]: (c["state"], c["failures"], c["follows"]) for c in answer.document["dates"][1:]
    }
    psza = {"PSZA INSUFFICIENT_DATA": 1}
    assert (answer.code, told) == (
        0,
        {
            "PSZA": ("complete", {"INSUFFICIENT_DATA": 1}, {}),
            "PCF": ("complete", {}, {}),
            "PDC": ("complete", {"MISSING_DEPENDENCY": 1}, psza),
            "ML": ("complete", {"MISSING_DEPENDENCY": 1}, psza),
        },
    )
    assert (
        "1 MISSING_DEPENDENCY (1 from PSZA INSUFFICIENT_DATA)"
        in shell("validate_pipeline", FIRST).out
    )


def test_phase_3_is_complete_on_every_date_with_games_bootstrap_included(
    shell: Shell, loaded: Path
) -> None:
    answer = shell("validate_pipeline", OPENING, LAST + timedelta(days=1), "--phase", 3, "--json")
    expected = {str(night): {"complete"} for night in NIGHTS} | {
        str(LAST + timedelta(days=1)): {"not a game date"}
    }
    assert (answer.code, states(answer)) == (0, expected)
    tables = [str(t) for t in INPUTS if t.short != "SCHED"]
    assert [c["what"] for c in answer.document["dates"][:5]] == tables
    assert answer.document["dates"][0] == {
        "date": str(OPENING),
        "type": "bootstrap",
        "day": 0,
        "what": tables[0],
        "state": "complete",
        "rows": 10,
        "expected": 10,
        "coverage": 1.0,
        "failures": {},
        "follows": {},
        "verdict": "",
        "stale": "",
    }


def test_phase_3_is_partial_with_few_rows_and_missing_with_none(
    shell: Shell, loaded: Path, tmp_path: Path
) -> None:
    give(TDGS, season_rows(TDGS, [n for n in NIGHTS if n != SECOND]), tmp_path)
    left = [
        r for r in whole_rows(PGS) if r["game_date"] != SECOND or r["player_lookup"] != SOMEBODY
    ]
    give(PGS, left, tmp_path)
    answer = shell("validate_pipeline", SECOND, "--phase", 3)
    assert (answer.code, squeezed(answer)) == (
        1,
        [
            "date table state rows expected coverage failures result",
            f"{SECOND} {PGS} partial 9 10 90 % {SECOND}: {PGS} has 9 rows (90 %), "
            "at least 10 expected for 1 game",
            f"{SECOND} {TDGS} missing 0 2 0 % {SECOND}: {TDGS} has no rows, 2 expected for 1 game",
            *(
                f"{SECOND} {table} complete {n} {n} 100 %"
                for table, n in zip(map(str, INPUTS_AFTER_TDGS), (2, 10, 2), strict=True)
            ),
            "3 complete, 1 partial, 1 missing",
        ],
    )


INPUTS_AFTER_TDGS = [t for t in INPUTS if t.short in ("TOGS", "UPGC", "UTGC")]

OUTSIDE = {
    "the end before the start": (
        [LAST, FIRST],
        f"the last date {FIRST} is before the first date {LAST}; swap them",
    ),
    "no date": (
        ["today"],
        "DATE: 'today' is not a date; write it as YYYY-MM-DD, for example 2021-11-22",
    ),
    "no date at all": ([], "the following arguments are required: DATE (see --help)"),
    "another phase": (
        [FIRST, "--phase", 5],
        "argument --phase: invalid choice: 5 (choose from 3, 4) (see --help)",
    ),
    "another season": (
        ["2022-11-22"],
        "no Phase 3 data for the season 2022-23: load it with `manage.py load_phase3 DIR`, or simulate it with "
        "`manage.py simulate_season YEAR`",
    ),
}


@pytest.mark.parametrize("outside", OUTSIDE)
def test_validate_answers_a_mistake_in_one_line(shell: Shell, loaded: Path, outside: str) -> None:
    words, sentence = OUTSIDE[outside]
    assert shell("validate_pipeline", *words) == Answer(2, "", f"{sentence}\n")


def test_summer_has_no_game_date(shell: Shell, loaded: Path) -> None:
    answer = shell("validate_pipeline", "2022-07-01", "2022-07-02", "--json")
    assert (answer.code, states(answer)) == (
        0,
        {"2022-07-01": {"not a game date"}, "2022-07-02": {"not a game date"}},
    )
