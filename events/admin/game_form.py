"""The form of a game."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from events import recurrence
from events.admin.fields import WeekdaysField
from events.models import Game, Venue


class GameForm(forms.ModelForm):
    """The form asks before it overwrites what somebody else saved since it was opened."""

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
            "status": "Paused: no more sessions are written; existing ones stay. Archived: those to come are removed.",
            "interval": "1: each time. 2: every second day, week, month or year, counted from the first date.",
            "nth": "For the last Friday, choose Last here and tick Friday above.",
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
        """Fields that the recurrence does not use are sent along, but nobody sees them."""
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
