"""The admin's forms and dialogs for games and sessions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from events.models import MAX_DURATION_MINUTES, Game, GameSession


class DateInput(UnfoldAdminTextInputWidget):
    input_type = "date"  # the browser's own: a dialog comes too late for the admin's script


class TimeInput(UnfoldAdminTextInputWidget):
    input_type = "time"


class WeekdaysField(forms.TypedMultipleChoiceField):
    """Weekdays as boxes to tick, in the order of the week."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=Game.Weekday.choices, required=False, **kwargs)


class GameForm(forms.ModelForm):
    weekdays = WeekdaysField(help_text=Game._meta.get_field("weekdays").help_text)

    class Meta:
        model = Game
        fields = "__all__"


class ReasonForm(BaseDialogForm):
    reason = forms.CharField(
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Players see it, such as: the room is booked.",
    )


class MoveForm(BaseDialogForm):
    """When a session is played instead, on the venue's clock."""

    date = forms.DateField(widget=DateInput)
    start_time = forms.TimeField(widget=TimeInput)
    duration_minutes = forms.IntegerField(
        min_value=1, max_value=MAX_DURATION_MINUTES, widget=UnfoldAdminIntegerFieldWidget
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
    first_date = forms.DateField(widget=DateInput)
    last_date = forms.DateField(widget=DateInput)
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
    date = forms.DateField(widget=DateInput)
    reason = forms.CharField(max_length=200, required=False, widget=UnfoldAdminTextInputWidget)


class SplitForm(BaseDialogForm):
    """What changes from a date on. What is left as it is does not."""

    from_date = forms.DateField(widget=DateInput)
    start_time = forms.TimeField(widget=TimeInput)
    duration_minutes = forms.IntegerField(
        min_value=1, max_value=MAX_DURATION_MINUTES, widget=UnfoldAdminIntegerFieldWidget
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
