"""Automatic retry of a busy warehouse: a pure decision, applied by the callers."""

from __future__ import annotations

MAX_TRIES = 5  # per batch and lease of life: a batch that gets through a step starts counting anew
FIRST_SECONDS = 2.0
LONGEST_SECONDS = 120.0
# A warehouse that names a later time is asked again after this at the latest, while its job runs.
LONGEST_WAIT_SECONDS = 300.0
# Of one call that delivers messages; the rest waits for the next call. With one more message at its
# timeout, a call ends well within a claim's lease.
DELIVERY_BUDGET_SECONDS = 20


def delay_seconds(retries: int, chance: float) -> float:
    """Seconds before retry number `retries` (from 0): doubling, of which `chance` (0 to 1) moves
    the upper half.

    The half that moves keeps the batches that one refusal hit together from coming back together.
    """
    whole: float = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**retries)
    return whole * (1 + chance) / 2


def may_retry(batch_retries: int, job_retries: int, budget: int) -> str:
    """Return the reason against a further automatic retry; empty if there is one."""
    if batch_retries >= MAX_TRIES:
        return f"tried again {MAX_TRIES} times"
    if job_retries >= budget:
        return f"the job's {budget} automatic retries are used up"
    return ""
