"""Keyboard shortcuts: one table for the sheet, the guide and the script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.ui.navigation import PLACES

GO, HELP, SEARCH, PREVIOUS, NEXT = "g", "?", "/", ",", "."
# Steps in columns and rows by the name that a browser gives the key.
MOVES: Mapping[str, tuple[int, int]] = {
    "ArrowLeft": (-1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1), "ArrowRight": (1, 0),
}  # fmt: skip
FIRST, LAST = "Home", "End"
SIGNS = {"ArrowLeft": "←", "ArrowUp": "↑", "ArrowDown": "↓", "ArrowRight": "→"}


@dataclass(frozen=True)
class Shortcut:
    """One line of the sheet: keys as they are printed, and what they do."""

    keys: tuple[str, ...]
    action: str


@dataclass(frozen=True)
class Section:
    """Shortcuts that belong together, under a heading of the guide."""

    anchor: str
    title: str
    shortcuts: tuple[Shortcut, ...]


SECTIONS = (
    Section("places", "Pages", tuple(Shortcut((GO, p.key), p.words) for p in PLACES if p.key)),
    Section(
        "grids",
        "In a grid",
        (
            Shortcut(tuple(SIGNS[key] for key in MOVES), "move between cells, across the months"),
            Shortcut((FIRST, LAST), "the first and the last date of the row"),
            Shortcut(("Enter",), "open the cell"),
            Shortcut(("Tab",), "leave the grid, which is one stop"),
        ),
    ),
    Section(
        "others",
        "On every page",
        (
            Shortcut((PREVIOUS, NEXT), "the previous and the next date or entity"),
            Shortcut((SEARCH,), "the search box of the page"),
            Shortcut((HELP,), "this list"),
            Shortcut(("Esc",), "close a dialog"),
        ),
    ),
)
# What the script reads from the page.
TABLE = {
    "go": GO, "help": HELP, "search": SEARCH, "turn": {PREVIOUS: "prev", NEXT: "next"},
    "moves": MOVES, "first": FIRST, "last": LAST,
}  # fmt: skip
