"""Fields that several forms of the desk have."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from events.models import EARLIEST, LATEST, MAX_DURATION_MINUTES, Game
from events.one_line import validate_one_line


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


def local_time() -> forms.TimeField:
    """A time on the venue's clock."""
    return forms.TimeField(widget=TimeInput)


def length_in_minutes() -> forms.IntegerField:
    return forms.IntegerField(
        label="Length in minutes",
        min_value=1,
        max_value=MAX_DURATION_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
    )


def reason(**kwargs: Any) -> forms.CharField:
    """Why something is so: one line, which players read."""
    return forms.CharField(max_length=200, validators=[validate_one_line], widget=UnfoldAdminTextInputWidget, **kwargs)
