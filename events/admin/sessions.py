"""The page of a session, with the buttons that change one night."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from events import sessions
from events.admin import fields
from events.admin.closures import ClosureForm, close
from events.admin.confirming import ask, confirmation
from events.admin.dialogs import Done, dialog
from events.admin.own_venues import OwnVenues, OwnVenuesFilter
from events.admin.session_filters import DatesFilter, WhenFilter
from events.admin.splitting import SplitFromSessionForm, split
from events.admin.words import counted
from events.models import GameSession


class SessionForm(forms.ModelForm):
    class Meta:
        model = GameSession
        fields = ("notes",)
        widgets = {"notes": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
        labels = {
            "slot_date": "Its date by the rule",
            "edited": "Changed by hand",
            "off_rule": "No longer in the rule",
            "uid": "Id in calendars",
            "sequence": "Times changed",
            "cancel_reason": "Why it is cancelled",
        }
        help_texts = {"notes": "Players see them in their calendar."}


class ReasonForm(BaseDialogForm):
    reason = fields.reason(required=False, help_text="Players see it, such as: the room is booked.")


class MoveForm(BaseDialogForm):
    """The date and the time at which a session is played instead, on the venue's clock."""

    date = fields.calendar_date()
    start_time = fields.local_time()
    duration_minutes = fields.length_in_minutes()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        session = GameSession.objects.select_related("game__venue").get(pk=self.object_id)
        self.zone = session.game.venue.zone
        start = session.starts_at.astimezone(self.zone)
        length = session.ends_at - session.starts_at
        self.initial = {
            "date": start.date(),
            "start_time": start.time(),
            "duration_minutes": round(length.total_seconds() / 60),
        }

    def instants(self) -> tuple[datetime, datetime]:
        """The start and the end that were entered."""
        given = self.cleaned_data
        start = datetime.combine(given["date"], given["start_time"], tzinfo=self.zone).astimezone(UTC)
        # Added in UTC: a night that loses an hour is no shorter.
        return start, start + timedelta(minutes=given["duration_minutes"])


@admin.register(GameSession)
class GameSessionAdmin(OwnVenues):
    """A session can be read, and changed by its notes and its buttons alone: the engine writes it."""

    form = SessionForm
    list_display = ("when", "game", "venue", "state", "cancel_reason", "by_hand")
    list_display_links = ("when",)
    list_filter = (WhenFilter, ("starts_at", DatesFilter), "status", "edited", ("game__venue", OwnVenuesFilter))
    list_filter_submit = True
    list_before_template = "events/when.html"
    search_fields = ("game__name",)
    list_per_page = 50
    list_select_related = ("game__venue",)
    ordering = ("starts_at", "pk")
    show_full_result_count = False
    actions = ("cancel_all", "restore_all")
    actions_row = ("cancel", "move", "restore")
    actions_detail = ("cancel", "move", "restore", "close_venue", "split")
    fieldsets = (
        (None, {"fields": (("game", "venue"), ("when", "ends"), ("state", "cancel_reason"), "notes")}),
        ("More", {"fields": (("slot_date", "sequence"), ("edited", "off_rule"), "uid"), "classes": ["collapse"]}),
    )

    class Media:
        css = {"all": ("events/desk.css",)}

    # Methods: unfold's system check looks up a permission that is given by its name, maybe before there are tables.
    def has_close_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_operate_permission(request, object_id) and request.user.has_perm("events.add_closure")

    def has_split_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_operate_permission(request, object_id) and request.user.has_perm("events.change_game")

    def get_ordering(self, request: HttpRequest) -> Any:
        return ("-starts_at", "-pk") if request.GET.get("when") == "past" else self.ordering

    @display(description="When", ordering="starts_at")
    def when(self, session: GameSession) -> str:
        return f"{session.starts_at.astimezone(session.game.venue.zone):%a %-d %b %Y, %H:%M}"

    @display(description="Until")
    def ends(self, session: GameSession) -> str:
        return f"{session.ends_at.astimezone(session.game.venue.zone):%H:%M} {session.game.venue.timezone}"

    @display(description="Venue", ordering="game__venue__name")
    def venue(self, session: GameSession) -> str:
        return session.game.venue.name

    @display(description="State", label={"scheduled": "success", "cancelled": "danger", "over": "info"})
    def state(self, session: GameSession) -> str:
        over = session.is_over(timezone.now()) and session.status == GameSession.Status.SCHEDULED
        return "over" if over else session.status

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="By hand", boolean=True)
    def by_hand(self, session: GameSession) -> bool:
        return session.edited or session.cancelled_by == GameSession.CancelledBy.STAFF

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        over = obj is not None and obj.is_over(timezone.now())
        return [
            *("game", "venue", "when", "ends", "state", "cancel_reason"),
            *("slot_date", "edited", "off_rule", "uid", "sequence"),
            *(["notes"] if over else []),
        ]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The buttons for what can be done to the session as it is."""
        session: Any = self.get_object(request, str(object_id))
        idle = set()
        if session:
            over, cancelled = session.is_over(timezone.now()), session.status == GameSession.Status.CANCELLED
            idle = {"cancel", "move", "restore"} if over else {"cancel", "move"} if cancelled else {"restore"}
        return [each for each in super().get_actions_detail(request, object_id) if each.path not in idle]

    def save_model(self, request: HttpRequest, obj: GameSession, form: Any, change: bool) -> None:
        try:
            sessions.note(obj.pk, obj.notes, now=timezone.now())
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))

    @dialog(
        "Cancel",
        icon="cancel",
        variant=ActionVariant.DANGER,
        title="Cancel this session",
        description="Players see it struck out, with the reason. It can be restored.",
        form=ReasonForm,
        confirm="Cancel the session",
    )
    def cancel(self, request: HttpRequest, session: GameSession, form: ReasonForm) -> Done:
        return _edit(session, "cancelled", sessions.cancel, form.cleaned_data["reason"])

    @dialog(
        "Restore",
        icon="undo",
        title="Restore this session?",
        description="It is scheduled again.",
        confirm="Restore it",
    )
    def restore(self, request: HttpRequest, session: GameSession, form: BaseDialogForm) -> Done:
        return _edit(session, "restored", sessions.restore)

    @dialog(
        "Move",
        icon="schedule",
        title="Move this session",
        description="On the venue's clock. No later edit of the game changes it back.",
        form=MoveForm,
        confirm="Move it",
    )
    def move(self, request: HttpRequest, session: GameSession, form: MoveForm) -> Done:
        return _edit(session, "moved", sessions.move, *form.instants())

    @dialog(
        "Close the venue",
        permission="close",
        icon="door_front",
        title="Close the venue",
        description="Nothing is played there on these dates. Deleting the closure restores what it cancelled.",
        form=ClosureForm,
        confirm="Close the venue",
    )
    def close_venue(self, request: HttpRequest, session: GameSession, form: ClosureForm) -> Done:
        return close(session.game.venue, form)

    @dialog(
        "Change from this date",
        permission="split",
        icon="call_split",
        title="Change the game from this date on",
        description="It ends the day before, and a copy with the changes goes on.",
        form=SplitFromSessionForm,
        confirm="Change the game",
    )
    def split(self, request: HttpRequest, session: GameSession, form: SplitFromSessionForm) -> Done:
        return split(form)

    @admin.action(description="Cancel the selected sessions")
    def cancel_all(self, request: HttpRequest, queryset: QuerySet[GameSession]) -> HttpResponse | None:
        form = confirmation(request, ReasonForm)
        on = queryset.filter(status=GameSession.Status.SCHEDULED, ends_at__gt=timezone.now())
        if on and not form.is_valid():
            return ask(self, request, on, f"Cancel {counted(on, 'session')}?", "They can be restored.", form)
        reason = form.cleaned_data["reason"] if on else ""
        self._edit_all(request, queryset, "cancelled", sessions.cancel, reason)
        return None

    @admin.action(description="Restore the selected sessions")
    def restore_all(self, request: HttpRequest, queryset: QuerySet[GameSession]) -> None:
        self._edit_all(request, queryset, "restored", sessions.restore)

    def _edit_all(self, request: HttpRequest, queryset: Any, what: str, edit: Any, *args: Any) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied
        done, left = [], Counter[str]()
        for session in queryset:
            try:
                _edit(session, what, edit, *args)
                self.log_change(request, session, what)
                done.append(session)
            except ValidationError as error:
                left.update(error.messages)
        if done:
            messages.success(request, f"{counted(done, 'session')} {what}.")
        for why, number in left.items():
            messages.warning(request, f"{number} left alone. {why}")


def _edit(session: GameSession, what: str, edit: Any, *args: Any) -> Done:
    """Raises ValidationError where there is nothing to do, for a list offers each row every button."""
    if session.status == ALREADY.get(what):
        raise ValidationError(f"Already {session.status}.")
    edit(session.pk, *args, now=timezone.now())
    return Done(noted=f"{what}.")


ALREADY = {"cancelled": GameSession.Status.CANCELLED, "restored": GameSession.Status.SCHEDULED}
