"""Selected cells: every action names exactly these cells, or says why it is not offered."""

from __future__ import annotations

import re
import shlex
from datetime import date
from html import unescape

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from backfill.jobs.start import preview_job
from backfill.models import Job, Run
from backfill.plan.cells import packed_cells, parse_cells
from backfill.plan.options import Options
from backfill.processors.registry import CHAIN
from backfill.status.season_grid import season_grid
from tests.webapp.demo import FAULTY, YEAR, Demo
from webapp.pages.new_backfill.form import LaunchForm

pytestmark = [pytest.mark.database, pytest.mark.django_db]
CORNER = f"PSZA,PDC {FAULTY}; ML 2021-11-22"
LATE = date(2021, 11, 27)  # its file is missing: PCF, PDC and ML are not written


def bar(client: Client, cells: str) -> tuple[dict[str, str], dict[str, str], str]:
    """Return the links and the reasons of the bar, and its command."""
    answer = client.post(reverse("cells"), {"cells": cells}, headers={"hx-request": "true"})
    assert answer.status_code == 200
    html = unescape(answer.content.decode())
    links = re.findall(r'href="([^"]*)">\s*([^<]*?)\s*</a>', html)
    reasons = re.findall(r"<strong>([^<]*)</strong>: (.*?)</span>", html, re.DOTALL)
    command = re.search(r'<code id="cells-command" hidden>(.*?)</code>', html)
    return {label: url for url, label in links}, dict(reasons), command[1] if command else ""


def planned(client: Client, url: str) -> set[tuple[str, date]]:
    """Return the cells that New backfill plans at this address."""
    answer = client.get(url, follow=True)
    assert answer.status_code == 200
    form = answer.context["form"]
    assert isinstance(form, LaunchForm)
    assert form.options is not None, form.errors
    return {run.key for run in preview_job(form.options).plan.todo}


def test_run_opens_new_backfill_with_exactly_the_cells(operator: Client, demo: Demo) -> None:
    links, _, _ = bar(operator, CORNER)
    assert planned(operator, links["Run"]) == set(parse_cells(CORNER))
    html = operator.get(links["Run"]).content.decode()
    assert f">\n{CORNER}</textarea>" in unescape(html)


def test_the_preview_names_runs_outside_the_plan(operator: Client, demo: Demo) -> None:
    links, _, _ = bar(operator, f"PSZA {FAULTY}")
    html = operator.get(links["Run"]).content.decode()
    stale = (
        f"Complete downstream runs become stale: PCF on {FAULTY}; PDC on {FAULTY}; ML on {FAULTY}."
    )
    assert stale in html
    links, _, _ = bar(operator, f"PDC {LATE}")
    html = operator.get(links["Run"]).content.decode()
    assert f"Upstream runs are not complete and not in this plan: PCF on {LATE}." in html
    links, _, _ = bar(operator, f"{','.join(CHAIN)} {FAULTY}")
    assert "plan-outside" not in operator.get(links["Run"]).content.decode()


def test_the_command_runs_exactly_the_cells(
    operator: Client, demo: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, command = bar(operator, CORNER)
    program, verb, *arguments = shlex.split(command)
    assert (program, verb) == ("./manage.py", "backfill")
    capsys.readouterr()
    call_command(verb, *arguments, "--skip-preflight", "--reason=x", "--dry-run", "-v2")
    text = capsys.readouterr().out
    rows = re.findall(r"^\s*(\w+)\s+(\d{4}-\d\d-\d\d)\s+run\b", text, re.MULTILINE)
    assert {(code, date.fromisoformat(day)) for code, day in rows} == set(parse_cells(CORNER))


def test_retry_takes_only_the_cells_of_the_job(operator: Client, demo: Demo) -> None:
    job = Job.objects.get()
    Run.objects.filter(date=LATE, processor="PCF").update(input_signature="older", code_version="x")
    links, reasons, _ = bar(operator, f"PCF,PDC {LATE}")
    assert "Retry" in links, reasons
    assert links["Retry"].startswith(reverse("retry", args=[job.pk]))
    page = operator.get(links["Retry"]).content.decode()
    assert "Selected cells only:" in page
    assert f"PCF,PDC {LATE}" in page
    looked = operator.get(links["Retry"], headers={"hx-request": "true"}).context["looked"]
    assert {run.date for run in looked.plan.plan.todo} == {LATE}
    assert f"--cells='PCF,PDC {LATE}'" in looked.command


def test_retry_is_a_reason_where_all_failures_are_expected(operator: Client, demo: Demo) -> None:
    clean = next(c for c in season_grid(YEAR).cells.values() if c.state == "expected")
    links, reasons, _ = bar(operator, f"{clean.processor} {clean.date}")
    assert "Retry" not in links
    assert reasons["Retry"] == "all failures are expected"


def test_bootstrap_cells_are_not_offered_to_run(operator: Client, demo: Demo) -> None:
    links, reasons, _ = bar(operator, "PSZA 2021-10-25..2021-10-26")
    assert "Run" not in links
    assert reasons["Run"] == "bootstrap dates are skipped by design"


def test_exclude_plans_the_season_without_the_cells(operator: Client, demo: Demo) -> None:
    links, _, _ = bar(operator, f"{','.join(CHAIN)} 2022-01-03..2022-01-05")
    assert "exclude=2022-01-03..2022-01-05" in links["Exclude"]
    whole = planned(operator, f"{reverse('backfill_new')}?season={YEAR}")
    left_out = {key for key in whole if "2022-01-03" <= str(key[1]) <= "2022-01-05"}
    assert left_out
    assert planned(operator, links["Exclude"]) == whole - left_out
    links, _, _ = bar(operator, "ML 2022-01-03")
    assert planned(operator, links["Exclude"]) == whole - {("ML", date(2022, 1, 3))}


def test_why_lists_each_cell_with_failures_and_findings(viewer: Client, demo: Demo) -> None:
    links, _, _ = bar(viewer, f"PSZA {FAULTY}; PCF {LATE}")
    html = viewer.get(links["Show reasons"]).content.decode()
    rows = re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    (psza,) = [row for row in rows if ">PSZA</abbr>" in row]
    run = Run.objects.get(processor="PSZA", date=FAULTY)
    for name, n in run.failures.items():
        assert f"{n:,} {name}</a>" in psza
    assert re.search(r'href="/triage/\d+/"', psza)
    (pcf,) = [row for row in rows if ">PCF</abbr>" in row]
    assert "failed" in pcf


def test_validate_checks_exactly_the_cells(viewer: Client, demo: Demo) -> None:
    links, _, _ = bar(viewer, CORNER)
    found = viewer.get(links["Validate"]).context["validations"]
    assert {(v.name, v.day.day) for v in found} == set(parse_cells(CORNER))


def test_viewers_see_only_what_they_may_do(viewer: Client, demo: Demo) -> None:
    links, reasons, command = bar(viewer, CORNER)
    assert (list(links), reasons, command) == (["Validate", "Show reasons"], {}, "")


def test_a_long_selection_keeps_all_its_cells(operator: Client, demo: Demo) -> None:
    grid = season_grid(YEAR)
    cells = [key for n, key in enumerate(sorted(grid.cells)) if n % 3]
    links, _, command = bar(operator, "; ".join(f"{code} {day}" for code, day in cells))
    assert max(map(len, links.values())) < 2000
    assert set(parse_cells(shlex.split(command)[3])) == set(cells)
    answer = operator.get(links["Run"])
    assert answer.context["form"].options.keys == set(cells)
    assert viewer_rows(operator, links["Show reasons"]) == len(cells)


def viewer_rows(client: Client, url: str) -> int:
    """Return the number of rows of a listing over all its pages."""
    return int(client.get(url).context["page"].paginator.count)


@pytest.mark.parametrize("cells", ["", "XYZ 2021-11-01", "PSZA", "PSZA yesterday"])
def test_wrong_cells_are_refused_in_one_sentence(operator: Client, demo: Demo, cells: str) -> None:
    for name in ("cells", "cells_why", "cells_validate"):
        answer = operator.get(reverse(name), {"cells": cells})
        assert answer.status_code == 422


def test_the_api_takes_cells(demo: Demo) -> None:
    options = Options.of_cells(packed_cells(parse_cells(CORNER)))
    assert options.cells == CORNER


@pytest.mark.parametrize(("name", "rows"), [("home", CHAIN), ("coverage", CHAIN), ("job", CHAIN)])
def test_grids_of_runs_can_be_selected(
    viewer: Client, demo: Demo, name: str, rows: tuple[str, ...]
) -> None:
    html = viewer.get(reverse(name, args=[Job.objects.get().pk] if name == "job" else [])).content
    text = html.decode()
    assert "data-selects" in text
    assert set(re.findall(r'data-code="(\w+)"', text)) == set(rows)
    assert 'role="grid" aria-multiselectable="true"' in " ".join(text.split())
