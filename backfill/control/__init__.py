"""Every change to a job that a person can ask for; shell and panel know no other way."""

from backfill.control.changing import Cancelled, cancel, change_cap, dropped_and_finishing, pause, resume
from backfill.control.starting import Preview, preview, start

__all__ = ["Cancelled", "Preview", "cancel", "change_cap", "dropped_and_finishing", "pause", "preview", "resume", "start"]
