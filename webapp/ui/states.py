"""How every state looks and is called. The colour is never the only sign: shapes differ too."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from backfill.drilldown.schedule import GameRole
from backfill.status.season_grid import WORDS
from validation.coverage import LOW
from validation.thresholds import percent


@dataclass(frozen=True)
class State:
    """`slug` is the CSS class, `shape` one character that tells it apart, `word` what people read."""

    slug: str
    shape: str
    word: str


# Those of a (processor, date): the class and the shape. Their words are the grid's.
CELLS = {
    "complete": ("complete", "●"),
    "expected": ("expected", "◐"),
    "outside": ("outside", "▲"),
    "bug": ("failed", "!"),
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
        **{name: State(slug, shape, WORDS[name]) for name, (slug, shape) in CELLS.items()},
        # (table, date) of the coverage
        "all there": State("complete", "●", "all there"),
        "low": State("outside", "▲", f"under {percent(LOW)} of the rows"),
        "missing": State("failed", "✖", "missing"),
        "twice": State("outdated", "2", "rows there twice"),
        "not written": State("hole", "○", "not written"),
        "partial": State("outside", "▲", "partial"),
        "not a game date": State("nogames", "·", "not a game date"),
        # (processor, date) of a plan
        "will run": State("planned", "▸", "will run"),
        "will be replaced": State("replaced", "↻", "complete, will be replaced"),
        "kept": State("kept", "●", "kept: complete already"),
        "left out": State("pending", "◇", "left out"),
        "untouched": State("nogames", "·", "not touched"),
        "left": State("hole", "○", "left: not asked for"),
        # entities, held against what must become of them
        "as expected": State("complete", "●", "has its row"),
        "explained": State("expected", "◐", "fails, as it must"),
        "impossible": State("failed", "!", "fails: impossible source value"),
        "unexplained": State("outside", "▲", "fails, and must not"),
        "lost": State("outside", "▼", "has a row, and must fail"),
        "unaccounted": State("failed", "✖", "neither row nor failure"),
        "strange": State("outdated", "?", "not of the population, or both"),
        "outsider": State("nogames", "·", "not in the population"),
        # an entity and a game
        "played": State("note", "✓", "played"),
        "no game": State("nogames", "·", "no game that counts"),
        GameRole.DID_NOT_PLAY: State("skipped", "□", GameRole.DID_NOT_PLAY),
        GameRole.NO_ROW: State("nogames", "–", GameRole.NO_ROW),
        GameRole.NOBODY: State("outside", "▲", GameRole.NOBODY),
        "not part": State("nogames", "·", "not part of the job"),
        # jobs
        "queued": State("pending", "…", "queued"),
        "pausing": State("running", "▷", "pausing"),
        "paused": State("paused", "‖", "paused"),
        "cancelling": State("running", "▷", "cancelling"),
        "stalled": State("failed", "✖", "stalled"),
        "succeeded": State("complete", "●", "succeeded"),
        # findings
        "problem": State("failed", "✖", "problem"),
        "warning": State("outside", "▲", "warning"),
        "note": State("note", "●", "note"),
        "open": State("outside", "○", "open"),
        "acknowledged": State("pending", "◑", "acknowledged"),
        "fixed": State("complete", "●", "fixed"),
        "closed": State("skipped", "–", "closed"),
        # processes and servers
        "alive": State("complete", "●", "alive"),
        "gone": State("skipped", "–", "gone"),
        "answers": State("complete", "●", "answers"),
        "does not answer": State("failed", "✖", "does not answer"),
        # launches
        "saved": State("note", "●", "saved"),
        "waiting": State("pending", "…", "waiting"),
        "started": State("complete", "●", "started"),
        "refused": State("failed", "✖", "refused"),
        "withdrawn": State("skipped", "–", "withdrawn"),
    }
)


def of(name: str) -> State:
    """The state of this name. One that is not known looks like itself in words."""
    return STATES.get(str(name)) or State("note", "●", str(name))
