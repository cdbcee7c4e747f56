"""People: who may sign in, by what token, and who has guessed too often."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import F, Q, QuerySet, Sum, Window
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import Token, TokenProxy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

for model in (User, Group, TokenProxy):
    admin.site.unregister(model)


def _name_of(token: Any) -> str:
    return f"token of {token.user}"


# By itself a token is named by its key, which the admin's log, messages and deletion pages would show.
Token.__str__ = _name_of  # type: ignore[method-assign]


@admin.register(User)
class Users(UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class Groups(GroupAdmin, ModelAdmin):
    pass


@admin.register(TokenProxy)
class Tokens(TokenAdmin, ModelAdmin):
    """A token is shown once, when it is made. It cannot be changed, only deleted and made anew."""

    list_display = ("user", "created")
    fields = ("user",)
    autocomplete_fields = ("user",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        messages.warning(request, f"The token is {obj.key}. It is not shown again.")


@admin.register(AccessAttempt)
class WrongPasswords(ModelAdmin):
    """The wrong passwords by name, address and program. Deleting a row unlocks its name at its address.

    The lock counts the programs together.
    """

    list_display = ("username", "ip_address", "failures_since_start", "state", "attempt_time")
    search_fields = ("username", "ip_address")
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "path_info", "user_agent")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessAttempt]:
        counted = Q(attempt_time__gte=timezone.now() - settings.AXES_COOLOFF_TIME)
        together = Window(Sum("failures_since_start", filter=counted), partition_by=[F("username"), F("ip_address")])
        attempts: QuerySet[AccessAttempt] = super().get_queryset(request).annotate(together=Coalesce(together, 0))
        return attempts

    @display(description="State", label={"locked": "danger", "open": "info"})
    def state(self, tried: Any) -> str:
        return "locked" if tried.together >= settings.AXES_FAILURE_LIMIT else "open"

    def delete_model(self, request: HttpRequest, tried: AccessAttempt) -> None:
        _forget(tried.username, tried.ip_address)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        for username, ip_address in set(queryset.values_list("username", "ip_address")):
            _forget(username, ip_address)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _forget(username: str, ip_address: str | None) -> None:
    """Unlock a name at an address; `ip_address` is None for a client without one."""
    AccessAttempt.objects.filter(username=username, ip_address=ip_address).delete()
