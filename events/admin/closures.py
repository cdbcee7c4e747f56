"""Closures of a venue: their page, and the dialog that closes it from one of its nights on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from unfold.forms import BaseDialogForm

from events.admin import fields
from events.admin.dialogs import Done
from events.admin.own_venues import OwnVenues, OwnVenuesFilter
from events.admin.settled import SettledAdmin
from events.admin.words import counted, sentence
from events.models import Closure, GameSession, Venue


@admin.register(Closure)
class ClosureAdmin(OwnVenues, SettledAdmin):
    list_display = ("venue", "first_date", "last_date", "reason")
    list_filter = (("venue", OwnVenuesFilter),)
    list_select_related = ("venue",)
    date_hierarchy = "first_date"

    def save_model(self, request: HttpRequest, obj: Closure, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if warning := nights_left_on(obj):
            messages.warning(request, warning)

    def delete_model(self, request: HttpRequest, obj: Closure) -> None:
        obj.delete()
        messages.info(request, sentence(f"{obj}: {obj.changes}"))


class ClosureForm(BaseDialogForm):
    """The closure of a session's venue, on its date unless others are given."""

    first_date = fields.calendar_date()
    last_date = fields.calendar_date()
    reason = fields.reason(help_text="Players see it, such as: renovation.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.object_id and (session := GameSession.objects.filter(pk=self.object_id).first()):
            self.initial = {"first_date": session.slot_date, "last_date": session.slot_date}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("first_date") and cleaned.get("last_date") and cleaned["last_date"] < cleaned["first_date"]:
            raise ValidationError({"last_date": "It ends before it starts: take the first date or a later one."})
        return cleaned


def close(venue: Venue, form: ClosureForm) -> Done:
    closure = Closure(venue=venue, **{name: form.cleaned_data[name] for name in ("first_date", "last_date", "reason")})
    closure.save()
    return Done(
        of=venue,
        noted=f"Closed {closure.first_date} to {closure.last_date}.",
        said=f"{closure}: {closure.changes}.",
        warning=nights_left_on(closure),
    )


def nights_left_on(closure: Closure) -> str:
    """The warning of nights that have begun: they do not follow, for a person says whether they go on."""
    now, dates = timezone.now(), (closure.first_date, closure.last_date)
    begun = GameSession.objects.filter(starts_at__lte=now, ends_at__gt=now, status=GameSession.Status.SCHEDULED)
    on = begun.filter(game__venue=closure.venue, slot_date__range=dates)
    return f"{counted(on, 'session')} on now: cancel it on its own page, if it stops." if on else ""
