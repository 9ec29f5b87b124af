"""Fingerprints of failures: hashes of their texts without dates, numbers, ids, values and paths."""

from __future__ import annotations

import hashlib
import re

# The order matters: a path can contain dates, a date consists of numbers.
VARYING = (
    (re.compile(r"(?<![\w/])[\w.=@~+-]*(?:/[\w.=@~+%-]+)+/?"), "<path>"),
    (re.compile(r"(?<!\w)'[^']*'(?!\w)|\"[^\"]*\"|`[^`]*`"), "<value>"),
    (
        re.compile(r"\b\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"),
        "<date>",
    ),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (
        re.compile(r"\b(?:0x[0-9a-f]+|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,})\b", re.IGNORECASE),
        "<id>",
    ),
    # A digit inside a name (three_pt_2, W10) identifies a column and stays.
    (
        re.compile(
            r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)",
            re.IGNORECASE,
        ),
        "<n>",
    ),
)


def normalised(text: str) -> str:
    """Return a text on one line, with placeholders for dates, numbers, ids, values and paths."""
    for varying, placeholder in VARYING:
        text = varying.sub(placeholder, text)
    return " ".join(text.split())


def fingerprint(processor: str, what: str, text: str) -> str:
    """Return the eight hexadecimal characters that all failures of a group share.

    `what` is a category or the class of an error.
    """
    return hashlib.sha256("\n".join((processor, what, normalised(text))).encode()).hexdigest()[:8]
