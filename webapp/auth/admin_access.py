"""Admin pages of the access log and of failed logins."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from webapp.models import AccessEvent, LoginDelay


class ReadOnly(ModelAdmin):  # type: ignore[type-arg]
    """Read-only model."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse to add."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to delete."""
        return False


class AccessEventAdmin(ReadOnly):
    """Access log: logins, failures, delays, uses of tokens, changes of users and tokens."""

    list_display = fields = ("at", "action", "name", "actor", "address", "detail")
    list_filter = ("action",)
    search_fields = ("name", "actor", "address")
    show_full_result_count = False


class LoginDelayAdmin(ReadOnly):
    """Failed logins since the last success; deleting one ends its delay."""

    list_display = fields = ("failed_at", "name", "source", "failures", "locked_until")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Allow every admin to delete."""
        return True

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[LoginDelay]) -> Any:
        """Record the unlocked names in the access log."""
        for row in queryset:
            AccessEvent.record(
                AccessEvent.Action.UNLOCKED, row.name, actor=request.user.get_username()
            )
        return super().log_deletions(request, queryset)
