"""Acts by hand on one session: cancel, restore, move, note."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from events.models import Game, GameSession
from events.sessions import planning, reading
from events.sessions.planning import Night, Plan, Reason, Update
from events.sessions.writing import write


def cancel(session_id: int, reason: str, *, now: datetime, dry_run: bool = False) -> GameSession:
    """Cancel a session by hand. It keeps its slot, so that it is never generated again, and can be restored.

    Where it was cancelled already, its reason stays unless another is given.

    Raises GameSession.DoesNotExist, and ValidationError when it is over.
    """
    return _act(session_id, lambda session, night: planning.cancel(night, reason, now), now, dry_run)


def restore(session_id: int, *, now: datetime, dry_run: bool = False) -> GameSession:
    """Schedule a cancelled session again. Where the rule would have it otherwise, it counts as edited by hand.

    Raises GameSession.DoesNotExist, and ValidationError when it is over.
    """

    def restored(session: GameSession, night: Night) -> dict[str, Any]:
        slots = reading.slots(session.game, night.slot_date, night.slot_date)
        return planning.restore(night, slots[0] if slots else None, session.game.venue.zone, now)

    return _act(session_id, restored, now, dry_run)


def move(
    session_id: int, starts_at: datetime, ends_at: datetime | None = None, *, now: datetime, dry_run: bool = False
) -> GameSession:
    """Move a session to other instants (aware; without an end it keeps its length). Its slot date stays, and so does
    the hour of its start on the venue's clock, whatever becomes of the zone.

    Raises GameSession.DoesNotExist, and ValidationError when the session is over or cancelled, or the new times
    are past, end before they start or last more than 24 hours.
    """

    def moved(session: GameSession, night: Night) -> dict[str, Any]:
        return planning.move(night, starts_at, ends_at, session.game.venue.zone, now)

    return _act(session_id, moved, now, dry_run)


def note(session_id: int, notes: str, *, now: datetime, dry_run: bool = False) -> GameSession:
    """Write what players are to know about a session. It still follows its game.

    Raises GameSession.DoesNotExist, and ValidationError when it is over.
    """
    return _act(session_id, lambda session, night: planning.note(night, notes, now), now, dry_run)


def _act(
    session_id: int, decide: Callable[[GameSession, Night], dict[str, Any]], now: datetime, dry_run: bool
) -> GameSession:
    """Write the values that `decide` plans for a session; returns the session with them, written or not."""
    with transaction.atomic():
        session = _lock_session(session_id)
        night = reading.night_of(session)
        try:
            values = decide(session, night)
        except planning.Refused as error:
            raise ValidationError({error.field: str(error)}) from None
        if values and not dry_run:
            write([Plan(session.game_id, update=[Update(night, values)], reason=Reason.BY_HAND)], now)
    for name, value in (values | {"updated_at": now} if values else {}).items():
        setattr(session, name, value)
    return session


def _lock_session(session_id: int) -> GameSession:
    """The session, its game locked. Raises GameSession.DoesNotExist."""
    game_id = GameSession.objects.values_list("game_id", flat=True).get(pk=session_id)
    Game.objects.lock(game_id)
    session = GameSession.objects.select_related("game__venue").get(pk=session_id)
    # A split may have taken it along meanwhile.
    return session if session.game_id == game_id else _lock_session(session_id)
