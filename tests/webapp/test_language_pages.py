"""Words of states and of the plain list, and the readers of labels and phrases."""

from __future__ import annotations

from tests.language import find_old_phrases
from tests.webapp.label_words import WORD, unknown_words
from tests.webapp.page_text import Page
from tests.webapp.plain_words import PLAIN
from webapp.pages.guide import glossary
from webapp.ui import states


def test_every_state_uses_glossary_words_or_plain_words() -> None:
    assert list(unknown_words(state.label for state in states.STATES.values())) == []


def test_every_plain_word_is_needed_besides_the_glossary() -> None:
    terms = {word.lower() for term in glossary.TERMS for word in WORD.findall(term.name)}
    assert sorted(terms & set(PLAIN.split())) == []


# The readers themselves


def test_labels_are_read_without_icons_and_code() -> None:
    html = (
        '<h2 id="a">Failures <code>x</code></h2><button><svg><use></use></svg>Run audit</button>'
        '<span class="state s-failed"><i aria-hidden="true">!</i><span>bug</span></span>'
        '<input name="told"><a href="/">Next</a>'
    )
    labels = Page.parse("home", html).labels
    assert {tag: [" ".join(t.split()) for t in texts] for tag, texts in labels.items()} == {
        "h2": ["Failures"],
        "button": ["Run audit"],
        "state": ["bug"],
        "a": ["Next"],
    }


def test_phrases_are_found_in_text_tooltips_and_charts_but_not_across_cells() -> None:
    chart = '<script type="application/json">{"title": {"text": "Who must fail"}}</script>'
    html = f'<td>1</td><td>Runs</td><p title="no verdict">It lacks rows.</p>{chart}'
    found = [old.phrase for old in find_old_phrases(Page.parse("home", html).text)]
    assert found == ["verdict", "lacks", "Who must", "must fail"]


def test_a_word_of_neither_list_is_found() -> None:
    labels = ["Expected failures", "2 batches of PSZA on 2021-11-01", "Judge now"]
    assert list(unknown_words(labels)) == ["judge, now in 'Judge now'"]
