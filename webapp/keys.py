"""Keyboard shortcuts: one table for the dialog, the guide and the script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.ui.context_processors import PLACES

GO, HELP, SEARCH, PREVIOUS, NEXT = "g", "?", "/", ",", "."
# Steps in columns and rows by the name of the key in browsers.
MOVES: Mapping[str, tuple[int, int]] = {
    "ArrowLeft": (-1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1), "ArrowRight": (1, 0),
}  # fmt: skip
FIRST, LAST, CLEAR, PICK, ALL, OPEN = "Home", "End", "Escape", " ", "a", "Enter"
SIGNS = {"ArrowLeft": "←", "ArrowUp": "↑", "ArrowDown": "↓", "ArrowRight": "→"}


@dataclass(frozen=True)
class Shortcut:
    """Line of the list: keys as they are printed, and their action."""

    keys: tuple[str, ...]
    action: str


@dataclass(frozen=True)
class Section:
    """Shortcuts under one heading of the guide."""

    anchor: str
    title: str
    shortcuts: tuple[Shortcut, ...]


SECTIONS = (
    Section("places", "Pages", tuple(Shortcut((GO, p.key), p.words) for p in PLACES if p.key)),
    Section(
        "grids",
        "Grids",
        (
            Shortcut(tuple(SIGNS[key] for key in MOVES), "Move between cells"),
            Shortcut((FIRST, LAST), "First and last date of the row"),
            Shortcut(("Enter",), "Open the cell"),
            Shortcut(("Tab",), "Leave the grid"),
            Shortcut(("Space",), "Select or deselect the cell, day, month or processor"),
            Shortcut(("Shift", "←", "↑", "↓", "→"), "Select the cells in between"),
            Shortcut(("Ctrl", "A"), "Select all cells"),
            Shortcut(("Esc",), "Clear the selection"),
        ),
    ),
    Section(
        "others",
        "All pages",
        (
            Shortcut((PREVIOUS, NEXT), "Previous and next date or entity"),
            Shortcut((SEARCH,), "Search box"),
            Shortcut((HELP,), "List of shortcuts"),
            Shortcut(("Esc",), "Close the dialog"),
        ),
    ),
)
# Data of static/js/backcourt.js.
TABLE = {
    "go": GO, "help": HELP, "search": SEARCH, "turn": {PREVIOUS: "prev", NEXT: "next"},
    "moves": MOVES, "first": FIRST, "last": LAST, "clear": CLEAR, "pick": PICK, "all": ALL, "open": OPEN,
}  # fmt: skip
