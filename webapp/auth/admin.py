"""Admin site for admins: users, tokens, concurrency limit, launches, failed logins, access log."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin, action, display
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
from webapp.auth.accounts import keep_an_admin, record_changes
from webapp.auth.admin_access import AccessEventAdmin, LoginDelayAdmin, ReadOnly
from webapp.models import AccessEvent, LoginDelay, Role, Token, User
from webapp.models.token import NAME_LENGTH


class PanelAdmin(AdminSite):
    """Admin site that uses the panel's roles and login page."""

    site_header = site_title = "Backcourt"
    index_title = "Users and settings"
    site_url = "/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Return True for an admin."""
        return bool(getattr(request.user, "may_administer", False))

    @login_not_required
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the panel's login; refuse a logged-in user who is not an admin."""
        if self.has_permission(request):
            return redirect("admin:index")
        if request.user.is_authenticated:
            raise PermissionDenied(
                f"only admins can open this page; you are logged in as {request.user}"
            )
        return redirect_to_login(request.GET.get("next", "/admin/"))


# Users and their tokens


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """Form of a new user."""

    usable_password = None  # type: ignore[assignment]  # every user has a password

    class Meta:
        model = User
        fields = ("username", "role")


class UserForm(UserChangeForm):  # type: ignore[type-arg]
    """Form of a user."""

    class Meta:
        model = User
        fields = ("username", "password", "role", "is_active")

    def clean(self) -> dict[str, Any]:
        """Refuse to demote or disable the last admin."""
        given = super().clean() or self.cleaned_data
        if given.get("role") != Role.ADMIN or not given.get("is_active"):
            try:
                keep_an_admin([self.instance])
            except Refused as error:
                raise ValidationError(str(error)) from None
        return given


class PanelUserAdmin(UserAdmin):  # type: ignore[type-arg]
    """Users with role and password; groups and permissions of Django are not used."""

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

    @action(description="Issue an API token to each selected user")
    def issue_token(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Issue a token to each user and show it once."""
        for user in chosen:
            actor = request.user.get_username()
            token, key = Token.issue(user, f"issued by {actor}"[:NAME_LENGTH], actor=actor)
            messages.warning(request, f"Token {token.pk} of {user}, shown only once: {key}")

    def save_model(
        self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool
    ) -> None:
        """Save the user and record the change in the access log."""
        super().save_model(request, obj, form, change)
        before = {name: form.initial.get(name) for name in form.changed_data} if change else None
        record_changes(obj, before, request.user.get_username())

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        """Record the deleted users in the access log."""
        for user in queryset:
            AccessEvent.record(
                AccessEvent.Action.USER_DELETED, user.username, actor=request.user.get_username()
            )
        return super().log_deletions(request, queryset)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Refuse to delete the last admin and the current user."""
        if obj is None:
            return super().has_delete_permission(request)
        return (
            obj != request.user
            and _may_leave([obj])
            and super().has_delete_permission(request, obj)
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Delete the selected users, unless the current user or the last admin is one of them."""
        chosen = list(queryset)
        if request.user in chosen or not _may_leave(chosen):
            messages.error(request, "No users deleted: deselect your own user and the last admin.")
            return
        super().delete_queryset(request, queryset)


def _may_leave(users: list[User]) -> bool:
    try:
        keep_an_admin(users)
    except Refused:
        return False
    return True


class TokenAdmin(ModelAdmin):  # type: ignore[type-arg]
    """API tokens and their last use. A new token is shown once, after saving."""

    list_display = ("name", "user", "scope", "created_at", "expires_at", "used_at")
    fields = ("user", "name")
    search_fields = ("name", "user__username")

    def has_change_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        """Refuse to change: tokens are issued and deleted."""
        return False

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Token]) -> Any:
        """Record the revoked tokens in the access log."""
        for token in queryset:
            AccessEvent.record(
                AccessEvent.Action.TOKEN_REVOKED,
                token.user.username,
                actor=request.user.get_username(),
                detail=token.name,
            )
        return super().log_deletions(request, queryset)

    def save_model(
        self, request: HttpRequest, obj: Token, form: ModelForm[Token], change: bool
    ) -> None:
        """Issue the token and show it once."""
        token, key = Token.issue(obj.user, obj.name, actor=request.user.get_username())
        obj.pk = token.pk
        messages.warning(request, f"Token {token.name} of {token.user}, shown only once: {key}")


# Limits of all jobs


class LimitsForm(ModelForm):  # type: ignore[type-arg]
    """Concurrency limit of all jobs."""

    max_parallel_override = IntegerField(
        min_value=1,
        max_value=MAX_PARALLEL,
        label="Concurrency limit",
        help_text="Maximum number of batches in flight, of all jobs together.",
    )


class LimitsAdmin(ModelAdmin):  # type: ignore[type-arg]
    """Concurrency limit of all jobs; a change is recorded as an event."""

    form = LimitsForm

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Limits | None:
        """Return the single row, created on first use."""
        return Limits.current() if object_id == "1" else None

    def save_model(
        self, request: HttpRequest, obj: Limits, form: ModelForm[Limits], change: bool
    ) -> None:
        """Change the concurrency limit."""
        if "max_parallel_override" in form.changed_data:
            change_limit(
                form.cleaned_data["max_parallel_override"],
                request.user.get_username(),
                "changed on the admin page",
            )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse to add: the row is the only one."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse to delete: the row is the only one."""
        return False


class LaunchAdmin(ReadOnly):
    """Presets, scheduled launches and launches awaiting approval, read-only."""

    list_display = (
        "id",
        "state",
        "name",
        "triggered_by",
        "created_at",
        "start_at",
        "needs_approval",
        "approved_by",
        "job",
    )
    list_filter = ("state",)

    @display(description="triggered by", ordering="actor")
    def triggered_by(self, launch: Launch) -> str:
        """Return the user who requested the launch."""
        return launch.actor


site = PanelAdmin(name="admin")
site.register(User, PanelUserAdmin)
site.register(Token, TokenAdmin)
site.register(Limits, LimitsAdmin)
site.register(Launch, LaunchAdmin)
site.register(AccessEvent, AccessEventAdmin)
site.register(LoginDelay, LoginDelayAdmin)

urlpatterns = [path("admin/", site.urls)]
