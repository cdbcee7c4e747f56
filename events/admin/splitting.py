"""The dialog that changes a game from a date on, of a game's page and of a session's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from events import sessions
from events.admin import fields
from events.admin.dialogs import Done
from events.models import Game, GameSession


class SplitForm(BaseDialogForm):
    """The changes of a game from a date on; a field that is left as it is does not change."""

    from_date = fields.calendar_date()
    start_time = fields.local_time()
    duration_minutes = fields.length_in_minutes()
    weekdays = fields.WeekdaysField()
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


def split(form: SplitForm) -> Done:
    """Changes the game as the form says. Raises ValidationError where the date or an edit will not do."""
    game = form.game()
    copy = sessions.split(game.pk, form.cleaned_data["from_date"], form.edits(), now=timezone.now())
    return Done(
        of=game,
        noted=f"Ends before {copy.start_date}; goes on as game {copy.pk}.",
        said=f"This is {copy} from {copy.start_date} on: {copy.changes}.",
        then=copy,
    )
