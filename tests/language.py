"""Words and phrases of the old language, each with its replacement.

Data for every test that checks text a person reads: documents, rendered pages, `--help` texts,
messages. A pattern is a regular expression, case-insensitive, in whole words; a space in it also
matches a line break.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

Replacements = tuple[tuple[str, str], ...]

# One word per concept: the words that the glossary replaced.
OLD_WORDS: Replacements = (
    (r"(need|want)s? (a person|somebody|someone|nobody)", "needs attention"),
    (r"judg(e[ds]?|ing|e?ments?)|verdicts?", "audit, audited, result"),
    (r"(held|holds?|holding) against", "compared with"),
    (r"must (have failed|not have failed|fail)", "expected failure"),
    (r"(fails? )?as (it|they) must( be)?", "as expected"),
    (r"who must|who should fail", "expected failures"),
    (r"unexplained|outside (the )?expectation", "unexpected failure"),
    (r"explained by", "expected (too few games)"),
    (r"mend(s|ed|ing)?|heal(s|ed|ing)?|cure[sd]?|curing|repair(s|ed|ing)?", "fix, fixed"),
    (r"outdated|out of date|older code|other input made", "stale"),
    (r"holes?|lacks?|lacked|lacking", "gap, missing"),
    (r"brakes?|braked|unbraked", "pause on error"),
    (r"caps?|capped", "concurrency limit"),
    (r"own retries", "automatic retries"),
    (r"(go|goes|went|gone|going) on", "resume, continue"),
    (r"asked for by", "triggered by"),
    (r"not these", "excluded dates"),
    (r"api keys?|keys? of (the api|a user)|the keys? of \w+ (is|are)", "token"),
    (r"worth nothing", "revoked"),
    (r"notices?", "notification"),
    (r"told|tells?|telling", "notification; reports, shows"),
    (r"(stand|stands|stood|standing) still", "stalled"),
    (r"put back|puts .{0,20} back|given back|gives? .{0,20} back", "requeued"),
    (r"written anew|made a(gain|new)|anew", "overwritten, again"),
    (r"explains? something", "informational"),
    (r"what the shapes mean", "Legend"),
    (r"by force", "force cancel"),
    (r"under way", "running"),
    (r"doorbells?", "triggers"),
)

# Archaic phrases, and a clause in place of a noun.
OLD_PHRASES: Replacements = (
    (r"what (needs|wants|lacks|was run|was told|became of|waits|counts|is wrong)", "a noun"),
    (r"what (there is|it was|cannot be|is to be)", "a noun"),
    (r"nothing (lacks|wants|that cannot)|none waits|not among the", "a positive statement"),
    (r"(is|are|was|were) to be", "an imperative, or the present tense"),
    (r"(is|are) not right", "the error and the fix"),
    (r"it is said|says? why( not)?", "shows the reason"),
    (r"beside", "next to, besides"),
    (r"nobody|somebody|everybody|anybody", "the role, or no subject"),
    (r"whoever|whosoever|of whom|of which", "a noun"),
    (r"whatever|all the same|regardless of what", "in any case, regardless of"),
    (r"meanwhile|thereby|hereby|thereof|wherein|lest|hence", "while, so, because"),
    (r"shall|may not|need not|must needs", "must, cannot, do not need to"),
    (r"as (it|they) stands?( now)?", "current"),
    (r"only then", "then, after that"),
    (r"at once", "immediately, together"),
    (r"for ever", "forever"),
    (
        r"as often as|holds good|of itself|of themselves|of its own(?=[ ]*(?:[.,;:]|$))",
        "plain English",
    ),
    (r"(is|are|there|any) no more(?! than)|any more(?=[ ]*(?:[.,;:]|$))", "no longer"),
    (r"(the )?runs? that counts?", "latest decisive run"),
    (r"error of the moment", "transient error"),
    (r"will stop to", "will first succeed"),
    (r"over each other", "compared by season"),
    (r"by hand of|in his stead", "by"),
)

# One format for numbers, and American spelling.
OLD_FORMATS: Replacements = (
    (r"(?<!%)\b\d+%", "27.5 % with a space, as in the stored failure reasons"),
    (r"(?<![\d.,])(\d[\d.,]*(?: %)?) to \1(?![\d%]|[.,]\d)", "the value once"),
    (
        r"(?<![\d.,:-])1 (runs|dates|jobs|batches|entities|failures|findings|days|rows|seasons)",
        "1 run",
    ),
    (
        r"analys(e|ed|ing)|colour(s|ed|ing)?|favour(s|ed|ite)?|behaviours?",
        "American spelling",
    ),
    (
        r"licences?|centre[ds]?|labelled|(organ|recogn|normal)is(e[ds]?|ing|ation)|canceling",
        "American spelling",
    ),
)

# Documents have a user as "the user", and no system that talks.
DOCUMENT_HABITS: Replacements = (
    (r"he|him|his|himself", "the user, the operator"),
    (r"says?|said|wants?|wanted|knows", "shows, reports, requires, has"),
    (r"what", "a noun"),
)

EVERYWHERE: Replacements = (*OLD_WORDS, *OLD_PHRASES, *OLD_FORMATS)
DOCUMENTS: Replacements = (*EVERYWHERE, *DOCUMENT_HABITS)

# Whole headings, buttons and links, in lower case.
OLD_LABELS = {
    "what needs a person": "Needs attention",
    "judged": "Audited",
    "judge now": "Run audit",
    "must fail": "Expected failures",
    "what it healed": "Fixed by retry",
    "change cap": "Change concurrency limit",
    "cancel by force": "Force cancel",
    "leave it": "Cancel",
    "leave it as it is": "Keep",
    "do not tell phase 5": "Skip Phase 5 trigger",
    "what phase 5 was told": "Phase 5 messages",
    "the same from a shell, or as a link": "Shell command and link",
    "look": "View job",
    "why": "Reason",
    "newer": "Previous",
    "before": "Previous",
    "earlier": "Previous",
    "older": "Next",
    "later": "Next",
}


@dataclass(frozen=True)
class OldPhrase:
    """A phrase of the old language in a text, with its 1-based line."""

    line: int
    phrase: str
    replacement: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.phrase!r}, use: {self.replacement}"


def _compiled(replacements: Replacements) -> Iterator[tuple[re.Pattern[str], str]]:
    for pattern, replacement in replacements:
        spaced = pattern.replace(" ", r"\s+")
        yield re.compile(rf"(?<![\w-])(?:{spaced})(?![\w-])", re.IGNORECASE), replacement


def find_old_phrases(text: str, replacements: Replacements = EVERYWHERE) -> list[OldPhrase]:
    """Return every phrase of `text` that has a replacement, in the order of the text."""
    found = [
        (match.start(), " ".join(match[0].split()), replacement)
        for pattern, replacement in _compiled(replacements)
        for match in pattern.finditer(text)
    ]
    return [OldPhrase(text.count("\n", 0, at) + 1, *rest) for at, *rest in sorted(found)]


def find_old_labels(labels: Iterable[str]) -> list[str]:
    """Return the old labels among headings, buttons and links, each with its replacement."""
    known = ((label, OLD_LABELS.get(" ".join(label.split()).lower())) for label in labels)
    return [f"{label!r}, use: {replacement}" for label, replacement in known if replacement]


def without_code(markdown: str) -> str:
    """Blank out code spans and links' targets, which name files, options and columns."""
    spans = re.compile(r"`[^`\n]+`|\]\([^)\n]*\)")
    return spans.sub(lambda span: " " * len(span[0]), markdown)


def comments(source: str) -> str:
    """Keep the comments of a shell, YAML, TOML or Docker file, each on its line."""
    found = (re.search(r"(?:^|\s)[#;] .*", line) for line in source.splitlines())
    return "\n".join(comment[0] if comment else "" for comment in found)


class _VisibleText(HTMLParser):
    HIDDEN = frozenset({"script", "style", "code", "pre", "template"})
    ATTRIBUTES = frozenset({"title", "aria-label", "placeholder", "alt", "data-confirm"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        self.hidden += tag in self.HIDDEN
        self.parts += [f"{value}\n" for name, value in attrs if name in self.ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in self.HIDDEN

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def visible_text(html: str) -> str:
    """Return the text of a page with its tooltips, labels and placeholders, without code."""
    parser = _VisibleText()
    parser.feed(html)
    return "".join(parser.parts)
