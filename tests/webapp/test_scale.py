"""Style sheets use one spacing scale and one scale of font sizes."""

from __future__ import annotations

import re

from tests.sources import ROOT

SHEETS = {
    sheet.name: re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
    for sheet in sorted((ROOT / "static" / "css").glob("*.css"))
}
DECLARATION = re.compile(r"(?<![\w-])([a-z-]+): *([^;{}]+)(?=[;}])")
SPACE = re.compile(r"(margin|padding)(-[a-z]+)*|(row-|column-)?gap|--tblr-btn-padding-[xy]")
STEPS = {"0.125rem", "0.25rem", "0.5rem", "0.75rem", "1rem", "1.5rem", "2rem", "3rem"}
# The label column is the space of a label beside its value, not between elements.
OTHERS = {"0", "1px", "auto", "var(--gap)", "var(--label-column)"}
FONT_SIZES = {
    *("0.65rem", "0.75rem", "0.8rem", "0.85rem", "0.9rem", "1rem", "1.15rem", "1.35rem"),
    *("1.5rem", "inherit"),
}
# Relative to the text around it: code in a sentence, signs in a state, the mark of a figure.
RELATIVE = {"0.85em", "0.8em", "0.7em"}


def declarations(name: re.Pattern[str]) -> list[tuple[str, str, str]]:
    """Return the matching declarations with their sheet."""
    return [
        (sheet, prop, value.removesuffix("!important").strip())
        for sheet, text in SHEETS.items()
        for prop, value in DECLARATION.findall(text.replace("--tblr-btn", " --tblr-btn"))
        if name.fullmatch(prop)
    ]


def parts(value: str) -> list[str]:
    """Split a value at its blanks; of a difference of steps, return its terms."""
    return re.sub(r"calc\((.*?\)?)\)$", lambda m: m[1].replace(" - ", " "), value).split()


def test_margins_paddings_and_gaps_are_steps_of_the_scale() -> None:
    found = declarations(SPACE)
    wrong = [
        (sheet, prop, value)
        for sheet, prop, value in found
        for part in parts(value)
        if part.removeprefix("-") not in STEPS | OTHERS
    ]
    assert wrong == []
    assert len(found) > 250


def test_font_sizes_are_steps_of_their_scale() -> None:
    found = declarations(re.compile("font-size"))
    assert [f for f in found if f[2] not in FONT_SIZES | RELATIVE | {"10px"}] == []
    assert len(found) > 50
