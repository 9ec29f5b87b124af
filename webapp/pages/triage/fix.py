"""Steps of a fix on the finding page: each with its state, and the form that starts the runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from backfill.audit.fix_steps import Fix, fix_of
from backfill.errors import BackcourtError
from backfill.models import Finding
from webapp.models import User
from webapp.pages.new_backfill.draft import LaunchDraft
from webapp.pages.new_backfill.link import query_of
from webapp.pages.new_backfill.prefill import reason_of
from webapp.ui import links

# States of the product's shapes for the states of a step.
STATES = {"done": "complete", "current": "step", "running": "running", "waiting": "pending"}


@dataclass(frozen=True)
class FixView:
    """Fix of a finding for one user."""

    finding: Finding
    fix: Fix
    user: User

    @cached_property
    def draft(self) -> LaunchDraft | None:
        """Draft of the backfill; None while there is nothing to run."""
        if self.fix.options is None:
            return None
        query = query_of(
            self.fix.options, reason=reason_of(self.finding), of_finding=str(self.finding.pk)
        )
        return LaunchDraft(QueryDict(query), self.user)

    @property
    def button(self) -> str:
        """Label of the button."""
        if self.draft is None or self.draft.shown is None:
            return "Fix"
        what = self.draft.shown.what
        return f"Request approval to fix {what}" if self.draft.approval else f"Fix {what}"

    @property
    def load_url(self) -> str:
        """Load page, filled in with the part to load."""
        found = self.fix.correction
        if found is None:
            return ""
        if found.rows:
            return links.with_query(reverse("load"), tables=found.names, rows="on")
        return links.with_query(
            reverse("load"), tables=found.names, start=found.start, end=found.end
        )


def context(finding: Finding, user: User) -> dict[str, Any]:
    """Return the context of the steps, or the error that prevents reading them."""
    try:
        return {"fix": FixView(finding, fix_of(finding), user), "states": STATES}
    except BackcourtError as error:
        return {"refused": str(error)}
