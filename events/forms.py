"""The admin's forms and dialogs for games and sessions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import transaction
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from events import recurrence
from events.models import EARLIEST, LATEST, MAX_DURATION_MINUTES, Game, GameSession, Venue


class DateInput(UnfoldAdminTextInputWidget):
    input_type = "date"  # the browser's own: a dialog comes too late for the admin's script


class TimeInput(UnfoldAdminTextInputWidget):
    input_type = "time"


class WeekdaysField(forms.TypedMultipleChoiceField):
    """Weekdays as boxes to tick, in the order of the week."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=Game.Weekday.choices, required=False, **kwargs)


def calendar_date() -> forms.DateField:
    """A date that a calendar may hold."""
    return forms.DateField(widget=DateInput, validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)])


class GameForm(forms.ModelForm):
    """A game. One that somebody else saved since the form was opened is not overwritten unasked."""

    weekdays = WeekdaysField(
        label="On these days",
        help_text="Daily and weekly games are played on these days only. None: every day, or the first date's weekday.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Game
        fields = "__all__"
        labels = {
            "start_date": "First date",
            "duration_minutes": "Length in minutes",
            "recurrence": "How often",
            "interval": "Every",
            "month_day": "Day of the month",
            "nth": "Which in the month",
            "month_end": "In a shorter month",
            "end_date": "Last date",
            "count": "Number of dates",
            "holiday_policy": "Public holidays",
            "rrule": "As a calendar rule",
            "generated_through": "Calendar full until",
            "generation_error": "What went wrong",
        }
        help_texts = {
            "status": "Paused: no more sessions are written, those there are stay. Archived: those to come go too.",
            "interval": "1: each time. 2: every second day, week, month or year, counted from the first date.",
            "nth": "Such as the last Friday: choose Last here, and tick Friday above.",
            "end_date": "The game is played on it for the last time. Empty: it goes on.",
            "count": "Instead of a last date: how many dates there are, skipped ones too.",
            "notes": "Players see them.",
        }
        widgets = {"notes": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = _stamp(self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._leave_out_what_is_hidden(cleaned)
        if not self.instance.pk:
            return cleaned
        with transaction.atomic():  # in the admin part of the one that saves, so that nobody comes between
            Venue.objects.lock(self.initial.get("venue"), getattr(cleaned.get("venue"), "pk", None))
            stored = Game.objects.lock(self.instance.pk)
        if stored and cleaned.get("seen") != _stamp(stored):
            data: Any = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict, or the dict of a test
            data[self.add_prefix("seen")] = _stamp(stored)
            self.data = data
            raise ValidationError(self._overtaken(stored, cleaned), code="overtaken")
        return cleaned

    def _leave_out_what_is_hidden(self, cleaned: dict[str, Any]) -> None:
        """A field that the recurrence does not use is sent along, but nobody sees it."""
        if "recurrence" in cleaned:
            for name in recurrence.OPTIONAL_FIELDS - recurrence.USED_FIELDS[cleaned["recurrence"]]:
                self.errors.pop(name, None)
                field: Any = Game._meta.get_field(name)
                cleaned[name] = field.get_default()

    def _overtaken(self, stored: Game, cleaned: dict[str, Any]) -> str:
        theirs = [
            f"{self.fields[name].label} {getattr(stored, name) or 'none'}"
            for name in self.fields.keys() & cleaned.keys() - {"seen", "weekdays"}
            if getattr(stored, name) != cleaned[name]
        ]
        if "weekdays" in cleaned and stored.weekdays != cleaned["weekdays"]:
            theirs.append(f"{self.fields['weekdays'].label} {', '.join(stored.weekdays) or 'none'}")
        at = timezone.localtime(stored.updated_at)
        return (
            f"Somebody else saved this game at {at:%H:%M:%S %Z} on {at:%-d %B}, while you had it open; yours is not"
            f" saved yet. Theirs differs in: {'; '.join(sorted(theirs)) or 'nothing'}."
            " Saving again puts yours in its place."
        )


def _stamp(game: Game) -> str:
    return game.updated_at.isoformat() if game.updated_at else ""


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
    reason = forms.CharField(
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Players see it, such as: the room is booked.",
    )


class MoveForm(BaseDialogForm):
    """When a session is played instead, on the venue's clock."""

    date = calendar_date()
    start_time = forms.TimeField(widget=TimeInput)
    duration_minutes = forms.IntegerField(
        label="Length in minutes",
        min_value=1,
        max_value=MAX_DURATION_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        session = GameSession.objects.select_related("game__venue").get(pk=self.object_id)
        start = session.starts_at.astimezone(session.game.venue.zone)
        length = session.ends_at - session.starts_at
        self.initial = {
            "date": start.date(),
            "start_time": start.time(),
            "duration_minutes": round(length.total_seconds() / 60),
        }


class ClosureForm(BaseDialogForm):
    first_date = calendar_date()
    last_date = calendar_date()
    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Players see it, such as: renovation."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.object_id and (session := GameSession.objects.filter(pk=self.object_id).first()):
            self.initial = {"first_date": session.slot_date, "last_date": session.slot_date}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("first_date") and cleaned.get("last_date") and cleaned["last_date"] < cleaned["first_date"]:
            raise ValidationError({"last_date": "It ends before it starts: take the first date or a later one."})
        return cleaned


class SkipForm(BaseDialogForm):
    date = calendar_date()
    reason = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget)

    def clean_date(self) -> Any:
        """Raises ValidationError unless the game has that date, be it one that differs."""
        day, game = self.cleaned_data["date"], Game.objects.get(pk=self.object_id)
        if not recurrence.dates(game.rule, day, day) and not game.exceptions.filter(date=day).exists():
            following = recurrence.next_date(game.rule, day)
            told = f"the next date is {following:%a %-d %b %Y}" if following else "it has ended by then"
            raise ValidationError(f"It is not played on {day:%a %-d %b %Y}: {told}.")
        return day


class SplitForm(BaseDialogForm):
    """What changes from a date on. What is left as it is does not."""

    from_date = calendar_date()
    start_time = forms.TimeField(widget=TimeInput)
    duration_minutes = forms.IntegerField(
        label="Length in minutes",
        min_value=1,
        max_value=MAX_DURATION_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    weekdays = WeekdaysField()
    buy_in = forms.DecimalField(
        min_value=0, max_digits=9, decimal_places=2, required=False, widget=UnfoldAdminDecimalFieldWidget
    )

    EDITS = ("start_time", "duration_minutes", "weekdays", "buy_in")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {name: getattr(self.game(), name) for name in self.EDITS} | self.first_initial()

    def game(self) -> Game:
        return Game.objects.get(pk=self.object_id)

    def first_initial(self) -> dict[str, Any]:
        return {}

    def edits(self) -> dict[str, Any]:
        """The fields that were changed."""
        game = self.game()
        given = {name: self.cleaned_data[name] for name in self.EDITS}
        return {name: value for name, value in given.items() if getattr(game, name) != value}


class SplitFromSessionForm(SplitForm):
    def game(self) -> Game:
        return Game.objects.get(sessions=self.object_id)

    def first_initial(self) -> dict[str, Any]:
        return {"from_date": GameSession.objects.get(pk=self.object_id).slot_date}
