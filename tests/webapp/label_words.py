"""Words of labels, compared with the glossary and the plain words."""

from __future__ import annotations

import re
from calendar import month_abbr
from collections.abc import Iterable, Iterator

from backfill.processors.registry import PROCESSORS
from tests.webapp.plain_words import PLAIN
from webapp.pages.guide import glossary

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?", re.IGNORECASE)


def known_words() -> set[str]:
    """Return the words of the glossary, of processors and months, and the plain words, with their
    plurals.
    """
    names = " ".join((*(processor.label for processor in PROCESSORS.values()), *month_abbr))
    terms = {word.lower() for term in glossary.TERMS for word in WORD.findall(term.name)}
    singular = terms | set(names.lower().split()) | set(PLAIN.split())
    return singular | {plural for word in singular for plural in _plurals(word)}


def _plurals(word: str) -> tuple[str, ...]:
    ies = (f"{word[:-1]}ies",) if word.endswith("y") else ()
    return (f"{word}s", f"{word}es", *ies)


def words_of(label: str) -> list[str]:
    """Return the words of a label, without numbers, codes such as PSZA, and column names."""
    parts = [part for part in label.split() if not re.search(r"[_\d/=.]\w", part)]
    return [word.lower() for part in parts for word in WORD.findall(part) if not word.isupper()]


def unknown_words(labels: Iterable[str]) -> Iterator[str]:
    """Yield the labels with a word outside glossary and plain words."""
    known = known_words()
    for label in labels:
        if unknown := [word for word in words_of(label) if word not in known]:
            yield f"{', '.join(unknown)} in {' '.join(label.split())!r}"
