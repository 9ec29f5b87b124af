"""Which failures are the same one: their texts without what differs from date to date, and a short
name for that.
"""

from __future__ import annotations

import hashlib
import re

# In this order: a path may hold dates, a date is made of numbers, a quoted value may be anything.
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
    # A digit that belongs to a name (three_pt_2, W10) says which column it is.
    (
        re.compile(
            r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)",
            re.IGNORECASE,
        ),
        "<n>",
    ),
)


def normalised(text: str) -> str:
    """A text with placeholders for dates, numbers, ids, quoted values and paths, on one line."""
    for varying, placeholder in VARYING:
        text = varying.sub(placeholder, text)
    return " ".join(text.split())


def fingerprint(processor: str, what: str, text: str) -> str:
    """Eight hexadecimal characters that all failures of a group share; `what` is a category or the
    class of an error.
    """
    return hashlib.sha256("\n".join((processor, what, normalised(text))).encode()).hexdigest()[:8]
