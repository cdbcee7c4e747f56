"""The panel beside a game's form: its next dates as it is being entered, and what saving it would do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from events import sessions
from events.models import Game
from events.sessions import GenerationError

#: How many slots are shown, and how far they are looked for, in days.
SLOTS_SHOWN, LOOK_FOR_SLOTS = 10, 399


def panel(form: Any, exists: bool, now: datetime) -> dict[str, Any]:
    """What the panel of a bound form shows; `exists` says whether its game has been saved before."""
    return _what_follows(form.instance, exists, now) if form.is_valid() else _what_is_wrong(form)


def _what_is_wrong(form: Any) -> dict[str, Any]:
    """The errors of a form by the labels of its fields; a field that is only not filled in yet is no error."""
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
