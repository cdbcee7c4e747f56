"""The desk of a venue's manager. Whoever is confined to their own venues sees and changes nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import pluralize
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from events import access, sessions
from events.forms import (
    ClosureForm,
    GameForm,
    MoveForm,
    ReasonForm,
    SessionForm,
    SkipForm,
    SplitForm,
    SplitFromSessionForm,
)
from events.models import Closure, Game, GameDate, GameSession, Venue
from events.public_holidays import public_holiday
from events.recurrence import OPTIONAL_FIELDS, USED_FIELDS
from events.sessions import GenerationError

#: How many slots a game's form shows, and how far it looks for them, in days.
SLOTS_SHOWN, LOOK_FOR_SLOTS = 10, 399

#: How many rows are named before something is done to all of them.
SHOWN_TO_CONFIRM = 20


def go_to(view: str, *args: Any) -> HttpResponse:
    """What a dialog answers when it is done: a page, anew."""
    return HttpResponse(headers={"HX-Redirect": reverse(f"admin:{view}", args=args)})


def sentence(said: object) -> str:
    """As a sentence of its own."""
    words = str(said)
    return f"{words[:1].upper()}{words[1:]}."


def counted(rows: Sequence[Any] | QuerySet[Any], what: str) -> str:
    """Such as "1 game" or "2 games"."""
    return f"{len(rows)} {what}{pluralize(rows)}"


def confirmation(request: HttpRequest, form_class: type[BaseDialogForm]) -> BaseDialogForm:
    """The form by which an action is confirmed; unbound as long as nobody has been asked."""
    return form_class(request, data=request.POST if "_form_submitted" in request.POST else None)


class OwnVenuesFilter(admin.RelatedFieldListFilter):
    """Offers managers their own venues alone."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        mine = access.of_own_venues(request.user, Venue) if access.is_confined(request.user) else Q()
        return list(field.get_choices(include_blank=False, ordering=("name",), limit_choices_to=mine))


class OwnVenues(ModelAdmin):
    """Confines managers to what belongs to their venues."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(access.of_own_venues(request.user, self.model)) if access.is_confined(request.user) else rows

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "venue" and access.is_confined(request.user):
            kwargs["queryset"] = Venue.objects.filter(managers=request.user.pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:  # one by one, so that each settles its sessions
            self.delete_model(request, row)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        changed = [row for row, _ in formset.changed_objects]
        for row in (*formset.new_objects, *changed, *formset.deleted_objects):
            messages.info(request, sentence(f"{row}: {row.changes}"))

    def has_operate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """To act on one row, which must be among those the user sees."""
        mine = object_id is None or self.get_object(request, str(object_id)) is not None
        return mine and self.has_change_permission(request)

    def done(self, request: HttpRequest, row: Any, what: str) -> HttpResponse:
        self.log_change(request, row, what)
        messages.success(request, f"{row}: {what}")
        return go_to(f"events_{row._meta.model_name}_change", row.pk)

    def ask(
        self, request: HttpRequest, rows: Any, title: str, said: str, form_class: type[BaseDialogForm]
    ) -> HttpResponse:
        """The page that asks before an action changes all selected rows."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "said": said,
            "form": confirmation(request, form_class),
            "rows": rows[:SHOWN_TO_CONFIRM],
            "more": max(0, len(rows) - SHOWN_TO_CONFIRM),
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        }
        return render(request, "events/confirm.html", context)

    def refused(self, request: HttpRequest, row: Any, error: ValidationError) -> HttpResponse:
        for message in error.messages:
            messages.error(request, message)
        return go_to(f"events_{row._meta.model_name}_change", row.pk)


class ClosureInline(TabularInline):
    model = Closure
    extra = 0
    tab = True


@admin.register(Venue)
class VenueAdmin(OwnVenues):
    list_display = ("name", "timezone", "holiday_region", "active")
    prepopulated_fields = {"slug": ("name",)}
    autocomplete_fields = ("managers",)
    search_fields = ("name",)
    readonly_fields = ("holidays",)
    inlines = (ClosureInline,)

    def save_model(self, request: HttpRequest, obj: Venue, form: Any, change: bool) -> None:
        obj.save()
        messages.info(request, sentence(obj.changes))

    @display(description="Public holidays to come")
    def holidays(self, venue: Venue) -> str:
        if not venue.pk or not venue.holiday_region:
            return "Give a holiday region to see them."
        today = timezone.localdate()
        days = [today + timedelta(n) for n in range(120)]
        try:
            named = [(f"{day:%a %-d %b}", name) for day in days if (name := public_holiday(venue.holiday_region, day))]
        except NotImplementedError:  # an update of the data has dropped or renamed it
            return f"{venue.holiday_region} has no known public holidays: choose another region."
        return format_html_join("", "<div>{}: {}</div>", named) or "None in the next 120 days."

    def get_readonly_fields(self, request: HttpRequest, obj: Venue | None = None) -> Any:
        # Who manages a venue, and under what address it is found, is not the managers' to say.
        return ("holidays", "slug", "managers") if access.is_confined(request.user) else self.readonly_fields

    def get_prepopulated_fields(self, request: HttpRequest, obj: Venue | None = None) -> Any:
        return {} if obj or access.is_confined(request.user) else self.prepopulated_fields


@admin.register(Closure)
class ClosureAdmin(OwnVenues):
    list_display = ("venue", "first_date", "last_date", "reason")
    list_filter = (("venue", OwnVenuesFilter),)
    list_select_related = ("venue",)
    date_hierarchy = "first_date"

    def save_model(self, request: HttpRequest, obj: Closure, form: Any, change: bool) -> None:
        obj.save()
        messages.info(request, sentence(obj.changes))
        _warn_of_what_is_on(request, obj)

    def delete_model(self, request: HttpRequest, obj: Closure) -> None:
        obj.delete()
        messages.info(request, sentence(f"{obj}: {obj.changes}"))


class GameDateInline(TabularInline):
    model = GameDate
    extra = 0
    verbose_name = "date that differs"
    verbose_name_plural = "Dates that differ: skipped or added"
    hide_title = True

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["choices"] = [(GameDate.Kind.EXCLUDE, "Not played"), (GameDate.Kind.ADD, "Played too")]
        return super().formfield_for_choice_field(db_field, request, **kwargs)


UNITS = {"daily": "days", "weekly": "weeks", "monthly": "months", "yearly": "years"}


@admin.register(Game)
class GameAdmin(OwnVenues):
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
        name: " || ".join(f"recurrence == '{each}'" for each, used in USED_FIELDS.items() if name in used)
        for name in OPTIONAL_FIELDS
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
        return [*([(None, trouble)] if obj and obj.generation_error else []), *super().get_fieldsets(request, obj)]

    @display(description="Plays")
    def rule_in_words(self, game: Game) -> str:
        unit = UNITS.get(game.recurrence)
        every = f"Every {game.interval} {unit}" if unit and game.interval > 1 else game.get_recurrence_display()
        nth = game.get_nth_display().lower() if game.nth else ""
        day = f"day {game.month_day}" if game.month_day else ""
        return " ".join(filter(None, (every, nth, day, ", ".join(name.capitalize() for name in game.weekdays))))

    @display(description="State", label={"active": "success", "paused": "warning", "failed": "danger"})
    def state(self, game: Game) -> str:
        return "failed" if game.generation_error else game.status

    def save_model(self, request: HttpRequest, obj: Game, form: Any, change: bool) -> None:
        obj.save()
        if obj.generation_error:
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
        if form.is_valid():
            context = _what_follows(form.instance, existing is not None, timezone.now())
        else:
            context = _what_is_wrong(form)
        return render(request, "events/slots.html", context)

    @action(
        description="Skip a date",
        permissions=["operate"],
        icon="event_busy",
        dialog={
            "title": "Skip a date",
            "description": "The game is not played then.",
            "form_class": SkipForm,
            "form_submit_text": "Skip it",
        },
    )
    def skip_date(self, request: HttpRequest, form: SkipForm, object_id: str) -> HttpResponse:
        game, day = Game.objects.get(pk=object_id), form.cleaned_data["date"]
        with transaction.atomic():
            Game.objects.lock(game.pk)
            skipped = game.exceptions.filter(date=day).first() or GameDate(game=game, date=day)
            skipped.kind, skipped.reason = GameDate.Kind.EXCLUDE, form.cleaned_data["reason"]
            skipped.save()
        return self.done(request, game, f"{day:%a %-d %b %Y} is skipped: {skipped.changes}.")

    @action(
        description="Change from a date",
        permissions=["operate"],
        icon="call_split",
        dialog={
            "title": "Change from a date on",
            "description": "The game ends the day before, and a copy with the changes goes on.",
            "form_class": SplitForm,
            "form_submit_text": "Change the game",
        },
    )
    def split(self, request: HttpRequest, form: SplitForm, object_id: str) -> HttpResponse:
        return _split(self, request, form, Game.objects.get(pk=object_id))

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
        if not confirmation(request, BaseDialogForm).is_valid():
            said = "Their sessions to come are removed, but for those changed or cancelled by hand."
            return self.ask(request, queryset, f"Archive {counted(queryset, 'game')}?", said, BaseDialogForm)
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


def _what_is_wrong(form: Any) -> dict[str, Any]:
    """The errors of a form by the labels of its fields; what is only not filled in yet is no error."""
    missing, errors = [], []
    for name, found in form.errors.as_data().items():
        label = form.fields[name].label if name in form.fields else ""
        if any(error.code == "required" for error in found):
            missing.append(label)
        else:
            errors += [(label, said) for error in found for said in error.messages]
    return {"missing": missing, "errors": errors}


def _what_follows(game: Game, exists: bool, now: datetime) -> dict[str, Any]:
    """The slots of a game as edited, and the summary of what saving it would do."""
    try:
        slots = sessions.preview(game, LOOK_FOR_SLOTS, now=now)[:SLOTS_SHOWN]
    except GenerationError as error:
        return {"errors": [("", str(error))]}
    local = [(slot, slot.starts_at and f"{slot.starts_at.astimezone(game.venue.zone):%H:%M}") for slot in slots]
    if exists:
        game.save(now=now, dry_run=True)
    changes = game.changes if exists else None
    return {"slots": local, "zone": game.venue.timezone, "changes": changes, "idle": game.idle}


def _split(desk: OwnVenues, request: HttpRequest, form: SplitForm, game: Game) -> HttpResponse:
    try:
        copy = sessions.split(game.pk, form.cleaned_data["from_date"], form.edits(), now=timezone.now())
    except ValidationError as error:
        return desk.refused(request, game, error)
    desk.log_change(request, game, f"Ends before {copy.start_date}; goes on as game {copy.pk}.")
    messages.success(request, f"This is {copy} from {copy.start_date} on: {copy.changes}.")
    return go_to("events_game_change", copy.pk)


class DatesFilter(RangeDateFilter):
    """The nights from one date to another, each date of its venue's own calendar."""

    NAMES: ClassVar = ("starts_at_from", "starts_at_to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "the venue's date"
        # Unfold's form sends along what no filter uses: the page of the other list, and an empty date a second time.
        self.used_parameters = dict.fromkeys((*self.NAMES, PAGE_VAR), "") | self.used_parameters
        self.form = self.form_class(name=self.parameter_name, data=self.used_parameters)

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {"form": self.form}

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        self.form.is_valid()  # a date that is none does not count; the form says so
        first, last = (self.form.cleaned_data.get(name) for name in self.NAMES)
        rows = rows.from_day(lambda zone: first) if first else rows
        return rows.to_day(lambda zone: last) if last else rows


class WhenFilter(admin.SimpleListFilter):
    """The nights from each venue's today on, unless the past or a date is asked for."""

    title = "date"
    parameter_name = "when"
    horizontal = True
    names: ClassVar = {None: "From today", "past": "Past", "all": "All"}

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self.of_a_date = any(request.GET.get(name) for name in DatesFilter.NAMES)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, name) for value, name in self.names.items() if value]

    def chosen(self) -> str | None:
        return "all" if self.of_a_date and not self.value() else self.value()

    def shown(self) -> str:
        return self.names.get(self.chosen(), "")

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, name in self.names.items():
            query = changelist.get_query_string({"when": value}, remove=DatesFilter.NAMES)
            yield {"selected": value == self.chosen(), "query_string": query, "display": name}

    def queryset(self, request: HttpRequest, rows: Any) -> Any:
        now = timezone.now()
        match self.chosen():
            case None:
                return rows.from_day(lambda zone: now.astimezone(zone).date())
            case "past":
                return rows.to_day(lambda zone: now.astimezone(zone).date() - timedelta(1))
            case _:
                return rows


@admin.register(GameSession)
class GameSessionAdmin(OwnVenues):
    """Read only but for its notes and buttons: sessions are written by the engine."""

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

    # Methods, since of a permission by its name unfold's own check asks the database, which may not be there yet.
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
        over = session.ends_at <= timezone.now() and session.status == GameSession.Status.SCHEDULED
        return "over" if over else session.status

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="By hand", boolean=True)
    def by_hand(self, session: GameSession) -> bool:
        return session.edited or session.cancelled_by == GameSession.CancelledBy.STAFF

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        over = obj is not None and obj.ends_at <= timezone.now()
        return [
            *("game", "venue", "when", "ends", "state", "cancel_reason"),
            *("slot_date", "edited", "off_rule", "uid", "sequence"),
            *(["notes"] if over else []),
        ]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what can be done to the session as it is."""
        session: Any = self.get_object(request, str(object_id))
        idle = set()
        if session:
            over, cancelled = session.ends_at <= timezone.now(), session.status == GameSession.Status.CANCELLED
            idle = {"cancel", "move", "restore"} if over else {"cancel", "move"} if cancelled else {"restore"}
        return [each for each in super().get_actions_detail(request, object_id) if each.path not in idle]

    def save_model(self, request: HttpRequest, obj: GameSession, form: Any, change: bool) -> None:
        try:
            sessions.note(obj.pk, obj.notes, now=timezone.now())
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))

    @action(
        description="Cancel",
        permissions=["operate"],
        icon="cancel",
        variant=ActionVariant.DANGER,
        dialog={
            "title": "Cancel this session",
            "description": "Players see it struck out, with the reason. It can be restored.",
            "form_class": ReasonForm,
            "form_submit_text": "Cancel the session",
        },
    )
    def cancel(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        return self._do(request, object_id, "cancelled", sessions.cancel, form.cleaned_data["reason"])

    @action(
        description="Restore",
        permissions=["operate"],
        icon="undo",
        dialog={
            "title": "Restore this session?",
            "description": "It is scheduled again.",
            "form_submit_text": "Restore it",
        },
    )
    def restore(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._do(request, object_id, "restored", sessions.restore)

    @action(
        description="Move",
        permissions=["operate"],
        icon="schedule",
        dialog={
            "title": "Move this session",
            "description": "On the venue's clock. No later edit of the game changes it back.",
            "form_class": MoveForm,
            "form_submit_text": "Move it",
        },
    )
    def move(self, request: HttpRequest, form: MoveForm, object_id: str) -> HttpResponse:
        zone = GameSession.objects.select_related("game__venue").get(pk=object_id).game.venue.zone
        given = form.cleaned_data
        start = datetime.combine(given["date"], given["start_time"], tzinfo=zone).astimezone(UTC)
        end = start + timedelta(minutes=given["duration_minutes"])  # in UTC: a night that loses an hour is no shorter
        return self._do(request, object_id, "moved", sessions.move, start, end)

    @action(
        description="Close the venue",
        permissions=["close"],
        icon="door_front",
        dialog={
            "title": "Close the venue",
            "description": "Nothing is played there on these dates. Deleting the closure restores what it cancelled.",
            "form_class": ClosureForm,
            "form_submit_text": "Close the venue",
        },
    )
    def close_venue(self, request: HttpRequest, form: ClosureForm, object_id: str) -> HttpResponse:
        session = GameSession.objects.select_related("game__venue").get(pk=object_id)
        closure = Closure(venue=session.game.venue, **{name: form.cleaned_data[name] for name in CLOSURE_FIELDS})
        closure.save()
        self.log_change(request, session.game.venue, f"Closed {closure.first_date} to {closure.last_date}.")
        messages.success(request, f"{closure}: {closure.changes}.")
        _warn_of_what_is_on(request, closure)
        return go_to("events_gamesession_change", session.pk)

    @action(
        description="Change from this date",
        permissions=["split"],
        icon="call_split",
        dialog={
            "title": "Change the game from this date on",
            "description": "It ends the day before, and a copy with the changes goes on.",
            "form_class": SplitFromSessionForm,
            "form_submit_text": "Change the game",
        },
    )
    def split(self, request: HttpRequest, form: SplitFromSessionForm, object_id: str) -> HttpResponse:
        return _split(self, request, form, form.game())

    @admin.action(description="Cancel the selected sessions")
    def cancel_all(self, request: HttpRequest, queryset: QuerySet[GameSession]) -> HttpResponse | None:
        form = confirmation(request, ReasonForm)
        on = queryset.filter(status=GameSession.Status.SCHEDULED, ends_at__gt=timezone.now())
        if on and not form.is_valid():
            return self.ask(request, on, f"Cancel {counted(on, 'session')}?", "They can be restored.", ReasonForm)
        reason = form.cleaned_data["reason"] if on else ""
        self._do_all(request, queryset, "cancelled", sessions.cancel, reason)
        return None

    @admin.action(description="Restore the selected sessions")
    def restore_all(self, request: HttpRequest, queryset: QuerySet[GameSession]) -> None:
        self._do_all(request, queryset, "restored", sessions.restore)

    def _do(self, request: HttpRequest, object_id: Any, what: str, edit: Any, *args: Any) -> HttpResponse:
        session = GameSession.objects.get(pk=object_id)
        try:
            session = _edited(session, what, edit, *args)
        except ValidationError as error:
            return self.refused(request, session, error)
        return self.done(request, session, f"{what}.")

    def _do_all(self, request: HttpRequest, queryset: Any, what: str, edit: Any, *args: Any) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied
        done, left = [], Counter[str]()
        for session in queryset:
            try:
                done.append(_edited(session, what, edit, *args))
                self.log_change(request, done[-1], what)
            except ValidationError as error:
                left.update(error.messages)
        if done:
            messages.success(request, f"{counted(done, 'session')} {what}.")
        for why, number in left.items():
            messages.warning(request, f"{number} left alone. {why}")


def _warn_of_what_is_on(request: HttpRequest, closure: Closure) -> None:
    """A night that has begun does not follow: it is for a person to say whether it goes on."""
    now, dates = timezone.now(), (closure.first_date, closure.last_date)
    begun = GameSession.objects.filter(starts_at__lte=now, ends_at__gt=now, status=GameSession.Status.SCHEDULED)
    if on := begun.filter(game__venue=closure.venue, slot_date__range=dates):
        messages.warning(request, f"{counted(on, 'session')} on now: cancel it on its own page, if it stops.")


def _edited(session: GameSession, what: str, edit: Any, *args: Any) -> GameSession:
    """Raises ValidationError when there is nothing to do, for a list offers every row the same buttons."""
    if session.status == ALREADY.get(what):
        raise ValidationError(f"Already {session.status}.")
    edited: GameSession = edit(session.pk, *args, now=timezone.now())
    return edited


ALREADY = {"cancelled": GameSession.Status.CANCELLED, "restored": GameSession.Status.SCHEDULED}
CLOSURE_FIELDS = ("first_date", "last_date", "reason")
