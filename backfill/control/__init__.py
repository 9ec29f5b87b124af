"""Every change to a job that a person can ask for; shell and panel know no other way."""

from backfill.control.changing import Cancelled, cancel, change_cap, dropped_and_finishing, pause, resume
from backfill.control.checking import check
from backfill.control.launching import approve, launch, preset, presets, refuse, save_preset, start_due, why_approval, withdraw
from backfill.control.retrying import LeftOut, RetryPlan, preview_retry, retry
from backfill.control.selecting import Selection
from backfill.control.starting import Preview, preview, start

__all__ = [
    "Cancelled",
    "LeftOut",
    "Preview",
    "RetryPlan",
    "Selection",
    "approve",
    "cancel",
    "change_cap",
    "check",
    "dropped_and_finishing",
    "launch",
    "pause",
    "preset",
    "presets",
    "preview",
    "preview_retry",
    "refuse",
    "resume",
    "retry",
    "save_preset",
    "start",
    "start_due",
    "why_approval",
    "withdraw",
]
