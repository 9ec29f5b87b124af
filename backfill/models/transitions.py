"""State changes: compare-and-set, with an Event in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.db import models, transaction

from backfill.models.event import Event, EventKind


class Stateful(models.Model):
    """Row with a state. `EVENT_LINKS` maps the foreign keys of its events to its own columns."""

    STATE: ClassVar[str] = "status"
    EVENT_LINKS: ClassVar[Mapping[str, str]]

    class Meta:
        abstract = True

    def transition(
        self,
        old: Collection[str],
        new: str,
        *,
        actor: str,
        reason: str = "",
        cause: str = "",
        cause_run: Any = None,
        **fields: object,
    ) -> bool:
        """Change the state if it is one of `old`, with its event; False if another process changed
        it first.
        """
        mine = type(self)._default_manager.filter(pk=self.pk)
        if not transition(
            mine,
            old,
            new,
            actor=actor,
            reason=reason,
            cause=cause,
            cause_run=cause_run,
            **fields,
        ):
            return False
        self.refresh_from_db()
        return True


def transition(
    rows: models.QuerySet[Any],
    old: Collection[str],
    new: str,
    *,
    actor: str,
    reason: str = "",
    cause: str = "",
    cause_run: Any = None,
    **fields: object,
) -> int:
    """Change all rows in one of the `old` states, with an event each; return their number.

    `fields` are other columns to set in the same statement.
    """
    model: type[Stateful] = rows.model
    links = model.EVENT_LINKS
    with transaction.atomic():
        in_old = {f"{model.STATE}__in": tuple(old)}
        found = list(
            rows.filter(**in_old)
            .select_for_update()
            .values_list("pk", model.STATE, *links.values())
        )
        # By primary key: on PostgreSQL other rows may have entered these states since.
        mine = model._default_manager.filter(pk__in=[pk for pk, *_ in found], **in_old)
        mine.update(**{model.STATE: new}, **fields)
        Event.objects.bulk_create(
            Event(
                **dict(zip(links, linked, strict=True)),
                **described(state, new),
                actor=actor,
                reason=reason,
                cause=cause,
                cause_run_id=cause_run.pk if cause_run else None,
            )
            for _, state, *linked in found
        )
    return len(found)


def described(old: str, new: str) -> dict[str, str]:
    """Return the fields of a transition event."""
    return {
        "kind": EventKind.TRANSITION,
        "from_state": old,
        "to_state": new,
        "action": f"{old} → {new}",
    }
