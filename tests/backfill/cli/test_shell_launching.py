from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Any

import pytest

from backfill.jobs.launches import get_preset, launch_backfill
from backfill.models import Job, Launch
from backfill.plan.options import Options
from tests.backfill.shell import Answer, Shell
from tests.seasons.tiny import FIRST, LAST, SECOND, THIRD, make_options

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.shell,
    pytest.mark.usefixtures("season"),
]
PSZA = ("--processors", "PSZA")
RANGE = ("--start", FIRST, "--end", LAST, *PSZA)


def planned(shell: Shell, *words: object) -> list[str]:
    """Return the dates that a dry run shows."""
    return [
        r["date"] for r in shell("backfill", *words, *PSZA, "--dry-run", "--json").document["runs"]
    ]


# Date lists


def test_a_list_of_dates_is_run_and_what_is_excluded_is_not(shell: Shell) -> None:
    assert planned(shell, "--dates", f"{FIRST} to {SECOND}; {LAST}") == [
        str(d) for d in (FIRST, SECOND, LAST)
    ]
    assert planned(shell, "--dates", f"{FIRST}..{LAST}", "--exclude", SECOND) == [
        str(d) for d in (FIRST, THIRD, LAST)
    ]
    assert planned(shell, "--start", FIRST, "--end", LAST, "--exclude", f"{FIRST},{THIRD}") == [
        str(SECOND),
        str(LAST),
    ]
    answer = shell.backfill("--dates", f"{FIRST},{LAST}", *PSZA)
    assert answer.code == 0
    assert f"2 dates from {FIRST} to {LAST}, backfill mode" in answer.out
    assert (
        f"`manage.py preflight_check --dates '{FIRST}, {LAST}' --processors PSZA` lists"
        in answer.out
    )


def test_the_check_takes_the_same_list(shell: Shell) -> None:
    found = shell("preflight_check", "--dates", f"{FIRST},{LAST}", "--json").document
    assert [state["date"] for state in found["dates"]] == [str(FIRST), str(LAST)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--dates", "2021-11-02", "--end", "2021-11-03"),
            "use --dates, or --start and --end, not both",
        ),
        (
            ("--dates", ","),
            "--dates: no dates given; write dates as 2021-11-22, and ranges as 2021-11-01..2021-11-30",
        ),
        (
            ("--dates", "2021-11-33"),
            "--dates: '2021-11-33' is not a calendar date; check the day and month",
        ),
        (
            ("--dates", "2021-11-02", "--exclude", "2021-11-02"),
            "all dates are excluded; exclude fewer dates",
        ),
        (
            ("--end", "2021-11-02"),
            "the following arguments are required: --start, or --dates, or --cells, or --preset"
            " (see --help)",
        ),
        (
            (*RANGE, "--failed", "--force"),
            "--failed and --force exclude each other; use one of them",
        ),
        (
            (*RANGE, "--at", "soon"),
            "--at: 'soon' is not a time; write it in UTC as 'YYYY-MM-DD HH:MM'",
        ),
        (
            (*RANGE, "--preset", "x"),
            "a preset sets its own options; remove --start or --preset",
        ),
        (("--preset", "x"), "there is no preset 'x'; no preset is saved"),
        ((*RANGE, "--replace"), "--replace needs --save-preset"),
        (
            (*RANGE, "--save-preset", "x", "--inline"),
            "--at and --save-preset start nothing now; remove --inline and --wait",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    shell: Shell, words: tuple[object, ...], sentence: str
) -> None:
    assert shell("backfill", *words) == Answer(2, "", f"{sentence}\n")
    assert not Job.objects.exists()


def test_a_check_of_dates_and_a_range_is_one_line(shell: Shell) -> None:
    sentence = "use --dates, or START and --end-date, not both\n"
    assert shell("preflight_check", FIRST, "--dates", FIRST) == Answer(2, "", sentence)


def test_with_nothing_failed_there_is_nothing_to_do(shell: Shell) -> None:
    assert shell.backfill(*RANGE, "--failed") == Answer(
        0, f"{FIRST} to {LAST}: no failed runs\n", ""
    )


def test_a_plan_tells_how_long_it_takes_and_what_it_overwrites(shell: Shell) -> None:
    before = shell("backfill", *RANGE, "--dry-run", "--json").document
    assert (before["overwrites"], before["estimate"]["why_not"]) == (
        0,
        "no measured runs of PSZA yet",
    )
    shell.backfill(*RANGE)
    after = shell("backfill", *RANGE, "--force", "--dry-run", "--json").document
    assert (after["overwrites"], after["estimate"]["runs"]) == (4, 4)
    assert after["signature"] != before["signature"]
    assert " s, from the latest runs" in shell("backfill", *RANGE, "--force", "--dry-run").out


# Presets and scheduled launches


def test_a_preset_is_saved_started_and_withdrawn(shell: Shell) -> None:
    saved = shell("backfill", *RANGE, "--no-canary", "--save-preset", "one week")
    assert saved == Answer(
        0, "preset 'one week' saved; `manage.py backfill --preset 'one week'` starts it\n", ""
    )
    assert shell("backfill", *RANGE, "--save-preset", "one week").code == 2
    document = shell(
        "backfill", *RANGE, "--save-preset", "one week", "--replace", "--json"
    ).document
    preset = get_preset("one week")
    assert (document["launch"], document["state"], document["options"]) == (
        preset.pk,
        "saved",
        preset.options,
    )
    started = shell.backfill("--preset", "one week", "--reason", "by name", "--json").document
    job = Job.objects.get(pk=started["job"])
    assert (job.parsed_options, started["options"]) == (
        Options(start=FIRST, end=LAST, processors=("PSZA",), reason="by name"),
        job.in_force,
    )
    assert shell("launches", "--withdraw", preset.pk).out == f"launch {preset.pk} withdrawn\n"
    assert shell("launches").out.startswith("no presets and no pending launches")
    assert len(shell("launches", "--all", "--json").document["launches"]) == 2


def test_a_launch_for_later_is_listed(shell: Shell) -> None:
    assert shell("launches", "--json").document == {"launches": []}
    answer = shell("backfill", *RANGE, "--at", "2999-01-01 02:00")
    launch = Launch.objects.get()
    assert answer == Answer(
        0,
        f"launch {launch.pk} scheduled for 2999-01-01 02:00 UTC; `manage.py launches` lists it\n",
        "",
    )
    assert (launch.start_at, launch.actor) == (
        datetime(2999, 1, 1, 2, tzinfo=UTC),
        getpass.getuser(),
    )
    listed = [" ".join(line.split()) for line in shell("launches").out.splitlines()]
    row = f"{launch.pk} waiting {FIRST} to {LAST} PSZA {launch.actor} 2999-01-01 02:00 UTC -"
    assert listed == ["launch state dates processors triggered by waits for job note", row]


def test_a_launch_is_approved_or_refused_by_its_number(shell: Shell) -> None:
    first, second = (
        launch_backfill(make_options(processors=("PSZA",)), "ann", limit=1) for _ in range(2)
    )
    assert isinstance(first, Launch)
    assert isinstance(second, Launch)
    assert "approval (runs 4 dates; more than 1 need approval)" in shell("launches").out
    assert (
        shell("launches", "--approve", first.pk).out
        == f"launch {first.pk} started: job {Job.objects.get().pk}\n"
    )
    blocked = shell("launches", "--approve", second.pk)
    assert (blocked.code, f"launch {second.pk} refused: job" in blocked.out) == (1, True)
    assert shell("launches", "--refuse", second.pk, "--reason", "no").code == 2
    assert shell("launches", "--approve", 99) == Answer(
        2, "", "launch 99 does not exist; `manage.py launches --all` lists the launches\n"
    )
    assert shell("launches", "--limit", 0) == Answer(2, "", "--limit must be 1 to 1000, not 0\n")


def test_ones_own_launch_is_not_approved(shell: Shell) -> None:
    actor: Any = getpass.getuser()
    launch = launch_backfill(make_options(), actor, limit=1)
    assert isinstance(launch, Launch)
    assert shell("launches", "--approve", launch.pk).code == 2


def test_a_shared_shell_records_the_named_user(shell: Shell) -> None:
    launch = launch_backfill(make_options(), "ada", limit=1)
    assert isinstance(launch, Launch)
    assert shell("launches", "--approve", launch.pk, "--as", "ada").code == 2
    assert shell("launches", "--approve", launch.pk, "--as", "grace hopper").code == 0
    launch.refresh_from_db()
    assert (launch.actor, launch.approved_by) == ("ada", "grace hopper")


@pytest.mark.parametrize("name", ["", " ada", "a\nb", "x" * 151])
def test_a_user_name_that_cannot_be_recorded_is_refused(shell: Shell, name: str) -> None:
    done = shell("pause", 1, "--as", name)
    assert (done.code, done.err.startswith("--as: "), done.err.count("\n")) == (2, True, 1)
