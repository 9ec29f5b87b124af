"""Users, tokens, limits and login attempts, for admins alone; what was launched, to look at."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin, action
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import IntegerField, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from backfill.errors import Refused
from backfill.jobs.lifecycle import change_limit
from backfill.models import Launch, Limits
from backfill.plan.options import MAX_PARALLEL
from webapp.auth.accounts import keep_an_admin
from webapp.models import Role, Token, User


class PanelAdmin(AdminSite):
    """Whoever has the role, logged in by the panel's own page."""

    site_header = site_title = "Backcourt"
    index_title = "Users and settings"
    site_url = "/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this is an admin."""
        return bool(getattr(request.user, "may_administer", False))

    @login_not_required
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Have anybody log in where everybody does; one who is logged in and no admin is told so."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied(f"this is for admins; you are logged in as {request.user}")
        return redirect_to_login(request.GET.get("next", "/admin/"))


class ReadOnly(ModelAdmin):  # type: ignore[type-arg]
    """To look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody makes one here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes one."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes one."""
        return False


# Users and their tokens


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """A name, a role, a password."""

    usable_password = None  # type: ignore[assignment]  # everybody has a password

    class Meta:
        model = User
        fields = ("username", "role")


class UserForm(UserChangeForm):  # type: ignore[type-arg]
    """What a user may do. The last admin stays one."""

    class Meta:
        model = User
        fields = ("username", "password", "role", "is_active")

    def clean(self) -> dict[str, Any]:
        """Refuse to leave nobody who could change this again."""
        given = super().clean() or self.cleaned_data
        if given.get("role") != Role.ADMIN or not given.get("is_active"):
            try:
                keep_an_admin([self.instance])
            except Refused as error:
                raise ValidationError(str(error)) from None
        return given


class PanelUserAdmin(UserAdmin):  # type: ignore[type-arg]
    """Names, roles and passwords. Django's groups and permissions are not used: the role alone
    decides.
    """

    form = UserForm
    add_form = NewUserForm
    list_display = ("username", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    fieldsets = (
        (
            None,
            {"fields": ("username", "password", "role", "is_active", "last_login", "date_joined")},
        ),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "password1", "password2")}),)
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    search_fields = ("username",)
    actions = ("issue_token",)

    @action(description="Issue a token for the API to each of the selected users")
    def issue_token(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Show each new key, once."""
        for user in chosen:
            token, key = Token.issue(user, f"issued by {request.user}")
            messages.warning(
                request, f"The key of {user}, shown only now: {key} (token {token.pk})"
            )

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Anybody but the last admin, and oneself."""
        if obj is None:
            return super().has_delete_permission(request)
        return (
            obj != request.user
            and _may_leave([obj])
            and super().has_delete_permission(request, obj)
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Delete the selected ones, unless no admin would be left."""
        chosen = list(queryset)
        if request.user in chosen or not _may_leave(chosen):
            messages.error(
                request, "Nobody was deleted: neither oneself nor the last admin can be."
            )
            return
        super().delete_queryset(request, queryset)


def _may_leave(users: list[User]) -> bool:
    try:
        keep_an_admin(users)
    except Refused:
        return False
    return True


class TokenAdmin(ModelAdmin):  # type: ignore[type-arg]
    """Whose keys there are and when they were last used. A new key is shown once, when it is saved."""

    list_display = ("name", "user", "created_at", "used_at")
    fields = ("user", "name")
    search_fields = ("name", "user__username")

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        """A token is made and deleted, never changed."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Token, form: ModelForm[Token], change: bool
    ) -> None:
        """Issue it, and show its key."""
        token, key = Token.issue(obj.user, obj.name)
        obj.pk = token.pk
        messages.warning(request, f"The key of {token}, shown only now: {key}")


# What holds for all jobs


class LimitsForm(ModelForm):  # type: ignore[type-arg]
    """The cap over all jobs."""

    max_parallel_override = IntegerField(
        min_value=1, max_value=MAX_PARALLEL, label="Batches of all jobs in flight at most"
    )


class LimitsAdmin(ModelAdmin):  # type: ignore[type-arg]
    """The one row. It is changed as everywhere, so that there is an Event."""

    form = LimitsForm

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Limits | None:
        """The row, made when it is first looked at."""
        return Limits.current() if object_id == "1" else None

    def save_model(
        self, request: HttpRequest, obj: Limits, form: ModelForm[Limits], change: bool
    ) -> None:
        """Change the cap."""
        if "max_parallel_override" in form.changed_data:
            change_limit(
                form.cleaned_data["max_parallel_override"],
                request.user.get_username(),
                "on the admin page",
            )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """And it stays."""
        return False


class LaunchAdmin(ReadOnly):
    """Presets, and what waits for its time or for a second person."""

    list_display = (
        "id",
        "state",
        "name",
        "actor",
        "created_at",
        "start_at",
        "needs_approval",
        "approved_by",
        "job",
    )
    list_filter = ("state",)


# Logins


class LoginAttemptAdmin(ReadOnly):
    """Wrong passwords since the last right one. Deleting one lets its user try again at once."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "failures_since_start")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever administers."""
        return True


site = PanelAdmin(name="admin")
site.register(User, PanelUserAdmin)
site.register(Token, TokenAdmin)
site.register(Limits, LimitsAdmin)
site.register(Launch, LaunchAdmin)
site.register(AccessAttempt, LoginAttemptAdmin)

urlpatterns = [path("admin/", site.urls)]
