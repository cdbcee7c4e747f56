"""The page of a game: its rule, the dates that differ, and what is done to it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from events import recurrence, sessions
from events.admin import fields, game_preview
from events.admin.confirming import ask, confirmation
from events.admin.dialogs import Done, dialog
from events.admin.game_form import GameForm
from events.admin.own_venues import OwnVenues, OwnVenuesFilter
from events.admin.settled import SettledAdmin
from events.admin.splitting import SplitForm, split
from events.admin.words import counted, sentence
from events.models import Game, GameDate


class GameDateInline(TabularInline):
    model = GameDate
    extra = 0
    verbose_name = "date that differs"
    verbose_name_plural = "Dates that differ: skipped or added"
    hide_title = True

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["choices"] = [(GameDate.Kind.EXCLUDE, "Not played"), (GameDate.Kind.ADD, "Played too")]
        return super().formfield_for_choice_field(db_field, request, **kwargs)


class SkipForm(BaseDialogForm):
    date = fields.calendar_date()
    reason = fields.reason(required=False)

    def clean_date(self) -> Any:
        """Raises ValidationError unless the game has the date, by its rule or among the dates that differ."""
        day, game = self.cleaned_data["date"], Game.objects.get(pk=self.object_id)
        if not recurrence.dates(game.rule, day, day) and not game.exceptions.filter(date=day).exists():
            following = recurrence.next_date(game.rule, day)
            told = f"the next date is {following:%a %-d %b %Y}" if following else "it has ended by then"
            raise ValidationError(f"It is not played on {day:%a %-d %b %Y}: {told}.")
        return day


@admin.register(Game)
class GameAdmin(OwnVenues, SettledAdmin):
    form = GameForm
    list_display = ("name", "venue", "rule_in_words", "start_time", "state", "generated_through")
    list_filter = ("status", "recurrence", ("venue", OwnVenuesFilter))
    list_select_related = ("venue",)
    search_fields = ("name",)
    readonly_fields = ("rrule", "last_date", "generated_through", "generation_error")
    inlines = (GameDateInline,)
    actions = ("pause", "resume", "archive")
    actions_detail = ("skip_date", "split", "see_sessions")
    change_form_after_template = "events/next_slots.html"
    conditional_fields: ClassVar = {
        name: " || ".join(f"recurrence == '{each}'" for each, used in recurrence.USED_FIELDS.items() if name in used)
        for name in recurrence.OPTIONAL_FIELDS
    }
    fieldsets = (
        (None, {"fields": (("venue", "name"), ("variant", "format"), ("status",))}),
        (
            "When",
            {
                "description": "The next ten dates are shown as you change these fields.",
                "fields": (
                    ("recurrence", "interval"),
                    "weekdays",
                    ("nth", "month_day"),
                    "month_end",
                    ("start_time", "duration_minutes"),
                    ("start_date", "end_date"),
                    "count",
                    "holiday_policy",
                ),
            },
        ),
        ("For players", {"fields": (("buy_in", "currency"), "seats", "notes"), "classes": ["collapse"]}),
        (
            "Behind the scenes",
            {"fields": (("rrule", "last_date"), "generated_through"), "classes": ["collapse"]},
        ),
    )

    class Media:
        js = ("events/live_preview.js",)
        css = {"all": ("events/desk.css",)}

    def get_fieldsets(self, request: HttpRequest, obj: Game | None = None) -> Any:
        trouble = {
            "description": "Its sessions cannot be written. Save again to try it.",
            "fields": ["generation_error"],
        }
        return [*([(None, trouble)] if obj and obj.is_failing else []), *super().get_fieldsets(request, obj)]

    @display(description="Plays")
    def rule_in_words(self, game: Game) -> str:
        unit = recurrence.UNITS.get(game.recurrence)
        every = f"Every {game.interval} {unit}" if unit and game.interval > 1 else game.get_recurrence_display()
        nth = game.get_nth_display().lower() if game.nth else ""
        day = f"day {game.month_day}" if game.month_day else ""
        return " ".join(filter(None, (every, nth, day, ", ".join(name.capitalize() for name in game.weekdays))))

    @display(description="State", label={"active": "success", "paused": "warning", "failed": "danger"})
    def state(self, game: Game) -> str:
        return "failed" if game.is_failing else game.status

    def save_model(self, request: HttpRequest, obj: Game, form: Any, change: bool) -> None:
        obj.save()
        if obj.is_failing:
            messages.error(request, f"The sessions of {obj} cannot be written. {obj.generation_error}")
        else:
            messages.info(request, sentence(obj.changes))

    def get_urls(self) -> list[Any]:
        preview = path("next-slots/", self.admin_site.admin_view(self.next_slots), name="events_game_slots")
        return [preview, *super().get_urls()]

    def next_slots(self, request: HttpRequest) -> HttpResponse:
        """The next ten slots of the game being entered, and what saving it would do to sessions that exist."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        existing = self.get_object(request, request.GET.get("game", ""))
        form = self.get_form(request, existing, change=existing is not None)(request.POST, instance=existing)
        return render(request, "events/slots.html", game_preview.panel(form, existing is not None, timezone.now()))

    @dialog(
        "Skip a date",
        icon="event_busy",
        title="Skip a date",
        description="The game is not played then.",
        form=SkipForm,
        confirm="Skip it",
    )
    def skip_date(self, request: HttpRequest, game: Game, form: SkipForm) -> Done:
        day = form.cleaned_data["date"]
        with transaction.atomic():
            Game.objects.lock(game.pk)
            skipped = game.exceptions.filter(date=day).first() or GameDate(game=game, date=day)
            skipped.kind, skipped.reason = GameDate.Kind.EXCLUDE, form.cleaned_data["reason"]
            skipped.save()
        return Done(noted=f"{day:%a %-d %b %Y} is skipped: {skipped.changes}.")

    @dialog(
        "Change from a date",
        icon="call_split",
        title="Change from a date on",
        description="The game ends the day before, and a copy with the changes goes on.",
        form=SplitForm,
        confirm="Change the game",
    )
    def split(self, request: HttpRequest, game: Game, form: SplitForm) -> Done:
        return split(form)

    @action(description="Its sessions", icon="calendar_month")
    def see_sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        sessions_of = f"{reverse('admin:events_gamesession_changelist')}?game__id__exact={object_id}"
        return HttpResponse(status=302, headers={"Location": sessions_of})

    @admin.action(description="Pause: write no more sessions")
    def pause(self, request: HttpRequest, queryset: QuerySet[Game]) -> None:
        self._set_status(request, queryset, Game.Status.PAUSED)

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Game]) -> None:
        self._set_status(request, queryset, Game.Status.ACTIVE)

    @admin.action(description="Archive: remove what is to come")
    def archive(self, request: HttpRequest, queryset: QuerySet[Game]) -> HttpResponse | None:
        form = confirmation(request)
        if not form.is_valid():
            told = "Their sessions to come are removed, except those changed or cancelled by hand."
            return ask(self, request, queryset, f"Archive {counted(queryset, 'game')}?", told, form)
        self._set_status(request, queryset, Game.Status.ARCHIVED)
        return None

    def _set_status(self, request: HttpRequest, queryset: QuerySet[Game], status: str) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied
        changes = sessions.Changes()
        for game in queryset:
            game.status = status
            game.save(update_fields=["status"])  # what somebody else changed meanwhile stays
            self.log_change(request, game, f"{status}: {game.changes}.")
            changes += game.changes
        messages.success(request, f"{counted(queryset, 'game')} {status}: {changes}.")
