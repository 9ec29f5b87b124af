"""Shape, color and word of every state. Shapes differ, so that color is never the only sign."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from backfill.drilldown.schedule import GameRole
from backfill.status.season_grid import WORDS
from validation.coverage import LOW
from validation.thresholds import percent


@dataclass(frozen=True, kw_only=True)
class State:
    """Badge of a state. `slug` is the CSS class, `shape` one character, `word` one of the few state
    words, `detail` the finer distinction next to it.
    """

    slug: str
    shape: str
    word: str
    detail: str = ""

    @property
    def label(self) -> str:
        """Word and detail in plain text: `complete (stale)`."""
        return f"{self.word} ({self.detail})" if self.detail else self.word


def _state(slug: str, shape: str, word: str, detail: str = "") -> State:
    return State(slug=slug, shape=shape, word=word, detail=detail)


# CSS class and shape of a (processor, date); its words are in backfill.status.season_grid.
CELLS = {
    "clean": ("complete", "●"),
    "expected": ("expected", "◐"),
    "outside": ("outside", "▲"),
    "bug": ("failed", "!"),
    "output lost": ("failed", "⊗"),
    "complete": ("complete", "●"),
    "unjudged": ("unjudged", "◍"),
    "empty": ("empty", "◌"),
    "failed": ("failed", "✖"),
    "blocked": ("blocked", "⊘"),
    "running": ("running", "▶"),
    "pending": ("pending", "…"),
    "cancelled": ("cancelled", "■"),
    "skipped": ("skipped", "–"),
    "bootstrap": ("bootstrap", "–"),
    "hole": ("hole", "○"),
    "not run": ("later", "▫"),
    "outdated": ("outdated", "◩"),
    "no games": ("nogames", "·"),
}
STATES = MappingProxyType(
    {
        **{name: _state(slug, shape, *WORDS[name]) for name, (slug, shape) in CELLS.items()},
        # (table, date) on Coverage
        "all there": _state("complete", "●", "complete"),
        "all failed": _state("allfailed", "∅", "complete", "every entity failed"),
        "low": _state("outside", "▲", "needs attention", f"under {percent(LOW)} of rows"),
        "missing": _state("failed", "✖", "needs attention", "no rows"),
        "twice": _state("outdated", "≡", "needs attention", "duplicate rows"),
        "not written": _state("hole", "○", "needs attention", "not written"),
        "partial": _state("outside", "▲", "needs attention", "partial"),
        "not a game date": _state("nogames", "·", "no games"),
        # (processor, date) of a diff, by the share of its rows that differ
        "rows unchanged": _state("kept", "=", "unchanged"),
        "few rows changed": _state("few", "▁", "changed", "up to 1 % of rows"),
        "some rows changed": _state("some", "▄", "changed", "up to 10 % of rows"),
        "many rows changed": _state("many", "█", "changed", "over 10 % of rows"),
        "version gone": _state("hole", "○", "not available", "replaced version gone"),
        # (processor, date) of a plan
        "will run": _state("planned", "▸", "pending"),
        "will be replaced": _state("replaced", "↻", "pending", "overwrites complete data"),
        "kept": _state("kept", "●", "complete", "kept"),
        "left out": _state("pending", "◇", "skipped", "excluded"),
        "untouched": _state("nogames", "·", "not run", "not in this plan"),
        "left": _state("hole", "○", "not run", "gap, not in this plan"),
        # step of a fix
        "step": _state("outside", "▲", "needs attention"),
        # entities against the expectation
        "as expected": _state("complete", "●", "complete"),
        "explained": _state("expected", "◐", "expected failure"),
        "impossible": _state("failed", "!", "bug", "impossible source value"),
        "unexplained": _state("outside", "▲", "unexpected failure"),
        "lost": _state("outside", "▼", "unexpected success"),
        "unaccounted": _state("failed", "✖", "unaccounted"),
        "strange": _state(
            "outdated", "?", "bug", "outside the population, or both row and failure"
        ),
        "outsider": _state("nogames", "∅", "not in the population"),
        # an entity and a game
        "played": _state("note", "✓", "played"),
        "no game": _state("nogames", "·", "no games"),
        GameRole.DID_NOT_PLAY: _state("skipped", "□", GameRole.DID_NOT_PLAY),
        GameRole.NO_ROW: _state("nogames", "–", "no row", "game loaded"),
        GameRole.LOST_ROW: _state("outside", "▲", "no row", GameRole.LOST_ROW),
        GameRole.NOBODY: _state("outside", "▲", "no row", "game missing in Phase 3"),
        "not part": _state("nogames", "·", "not run", "not in this job"),
        # jobs
        "queued": _state("pending", "…", "queued"),
        "pausing": _state("running", "▷", "running", "pausing"),
        "paused": _state("paused", "‖", "paused"),
        "cancelling": _state("running", "▷", "running", "cancelling"),
        "stalled": _state("failed", "✖", "running", "stalled"),
        "succeeded": _state("complete", "●", "succeeded"),
        # findings, preflight
        "blocker": _state("failed", "✖", "blocker"),
        "problem": _state("failed", "✖", "problem"),
        "warning": _state("outside", "▲", "warning"),
        "note": _state("note", "●", "informational"),
        "open": _state("outside", "○", "open"),
        "acknowledged": _state("pending", "◑", "acknowledged"),
        "marked expected": _state("complete", "◐", "expected"),
        "fixed": _state("complete", "●", "fixed"),
        "closed": _state("skipped", "–", "closed"),
        # processes and servers
        "alive": _state("complete", "●", "running"),
        "gone": _state("skipped", "–", "stopped"),
        "answers": _state("complete", "●", "running"),
        "does not answer": _state("failed", "✖", "failed", "unreachable"),
        # launches
        "saved": _state("note", "●", "saved"),
        "waiting": _state("pending", "…", "pending"),
        "started": _state("complete", "●", "succeeded", "started"),
        "refused": _state("failed", "✖", "failed", "refused"),
        "withdrawn": _state("skipped", "–", "cancelled", "withdrawn"),
    }
)


def of(name: str) -> State:
    """Return the state of this name; an unknown one shows its name."""
    return STATES.get(str(name)) or _state("note", "●", str(name))
