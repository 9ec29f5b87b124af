"""Keyboard shortcuts and sentences that several pages share are defined once."""

from __future__ import annotations

import json
import re
from pathlib import Path

from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from webapp import keys
from webapp.auth.permissions import OPERATORS_ONLY
from webapp.ui.context_processors import PLACES

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "static" / "js" / "backcourt.js"


def html(client: Client, name: str, *args: object) -> str:
    return client.get(reverse(name, args=args)).content.decode()


def printed(page: str) -> list[tuple[list[str], str]]:
    """Return each line of a list of shortcuts: keys and action."""
    lines = re.findall(r"<dt>(.*?)</dt>\s*<dd>\s*(.*?)\s*</dd>", page, re.DOTALL)
    return [(re.findall(r"<kbd>(.*?)</kbd>", kbds), action) for kbds, action in lines]


EVERY = [
    ([*map(escape, s.keys)], escape(s.action)) for part in keys.SECTIONS for s in part.shortcuts
]


def test_the_sheet_of_every_page_and_the_guide_list_the_same_shortcuts(viewer: Client) -> None:
    sheet = html(viewer, "guide").partition('<dialog id="keys"')[2]
    topic = html(viewer, "topic", "keys").partition('<dialog id="keys"')[0].partition("<article")[2]
    assert printed(sheet) == printed(topic) == EVERY


def test_the_script_reads_its_keys_from_the_page(viewer: Client) -> None:
    page = html(viewer, "guide")
    found = re.search(r'<script id="keys-table" type="application/json">(.*?)</script>', page)
    assert found
    table = json.loads(found[1])
    assert {table["go"], table["help"], table["search"], *table["turn"]} == {
        "g",
        "?",
        "/",
        ",",
        ".",
    }
    assert set(table["moves"]) == set(keys.SIGNS)
    assert not re.search(
        r'event\.key === "|Arrow(Left|Right|Up|Down)', SCRIPT.read_text(encoding="utf-8")
    )


def test_the_menu_carries_the_letter_of_each_page(viewer: Client) -> None:
    letters = re.findall(r'class="nav-item[^>]*data-key="(\w)"', html(viewer, "guide"))
    assert letters == [place.key for place in PLACES if place.key]
    assert len(set(letters)) == len(letters)


def test_the_words_for_viewers_are_written_once() -> None:
    files = [
        *ROOT.glob("webapp/**/*.py"),
        *ROOT.glob("templates/**/*.html"),
        *ROOT.glob("static/js/*.js"),
    ]
    stated = [f.name for f in files if OPERATORS_ONLY in f.read_text(encoding="utf-8").lower()]
    assert stated == ["permissions.py"]
