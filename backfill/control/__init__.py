"""Every change to a job that a person can ask for; shell and panel know no other way."""

from backfill.control.changing import Cancelled, cancel, change_cap, dropped_and_finishing, pause, resume
from backfill.control.checking import check
from backfill.control.retrying import LeftOut, RetryPlan, preview_retry, retry
from backfill.control.selecting import Selection
from backfill.control.starting import Preview, preview, start

__all__ = [
    "Cancelled",
    "LeftOut",
    "Preview",
    "RetryPlan",
    "Selection",
    "cancel",
    "change_cap",
    "check",
    "dropped_and_finishing",
    "pause",
    "preview",
    "preview_retry",
    "resume",
    "retry",
    "start",
]
