"""Legend: every state on screen with its meaning, states with the same badge once."""

from __future__ import annotations

from webapp.pages.guide import glossary
from webapp.ui import states

# Meanings that differ from the glossary entry of the word, by the name in webapp/ui/states.py.
MEANINGS = {
    "outside": "Complete run with unexpected failures, unexpected successes or unaccounted entities.",
    "bug": "Complete run with at least one bug.",
    "output lost": "Complete run whose partition is missing or unreadable in the latest audit.",
    "unjudged": "Complete run that is newer than the latest audit.",
    "empty": "Complete run on a date without entities.",
    "not run": "No run yet.",
    "no games": "No game on this date.",
    "all failed": "Complete run without a row: every entity failed.",
    "low": "Fewer rows than the games imply.",
    "missing": "Games on this date, but no rows.",
    "twice": "Duplicate rows of a player, team or game.",
    "not written": "Games on this date, but no output.",
    "partial": "Rows and failures of some entities only.",
    "will be replaced": "Complete run that the plan runs again.",
    "kept": "Complete run that the plan leaves unchanged.",
    "left out": "Excluded date.",
    "untouched": "Date outside the plan.",
    "left": "Date without output that the plan leaves out.",
    "strange": "Entity outside the population, or with both a row and a failure.",
    "outsider": "Entity that the processor does not account for on this date.",
    "played": "Entity played in the game.",
    "did not play": "Player of the team who did not play in the game.",
    "no row for this game": "Phase 3 has rows of the game, but none of the entity.",
    "row possibly missing in Phase 3": "Phase 3 may have lost the entity's row of the game; see the finding.",
    "game missing in Phase 3": "Phase 3 has no rows of the game.",
    "rows unchanged": "Run whose rows and failures equal those that it replaced.",
    "few rows changed": "Run whose rows or failures differ, up to 1 % of them.",
    "some rows changed": "Run whose rows or failures differ, over 1 and up to 10 % of them.",
    "many rows changed": "Run whose rows or failures differ, over 10 % of them.",
    "version gone": "Run whose replaced version is gone.",
    "not part": "Date or processor outside the job.",
    "pausing": "Runs in progress finish, then the job is paused.",
    "cancelling": "Runs in progress finish, then the job is cancelled.",
    "problem": "Finding: numbers are wrong or missing.",
    "warning": "Finding: check when convenient.",
    "open": "Finding without a mark.",
    "acknowledged": "Finding that a user is working on.",
    "marked expected": "Finding that a user marked as correct; hidden until its evidence grows.",
    "closed": "Finding without evidence in the latest audit.",
    "alive": "Process with a heartbeat, or reachable server.",
    "gone": "Process without a heartbeat.",
    "does not answer": "Server that cannot be reached.",
    "saved": "Saved preset.",
    "started": "Launch that started a job.",
    "refused": "Launch that a user or a check refused.",
    "withdrawn": "Launch that its user withdrew.",
}


def rows() -> list[tuple[str, str]]:
    """Return the name of each state with its meaning, in the order of webapp/ui/states.py."""
    names: dict[states.State, str] = {}
    for name, state in states.STATES.items():
        names.setdefault(state, name)
    return [(name, _meaning(name)) for name in names.values()]


def _meaning(name: str) -> str:
    state = states.of(name)
    term = glossary.find(state.detail) or glossary.find(state.word)
    return MEANINGS.get(name) or (term.meaning if term else "")
