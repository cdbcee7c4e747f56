"""The slots to come of a game, for people to look at."""

from datetime import datetime, timedelta

from events.models import Game
from events.sessions.reading import slots, today_at
from events.sessions.windows import window
from events.slots import Slot


def preview(game: Game, days: int, *, now: datetime) -> list[Slot]:
    """The slots of `game`, saved or not, from the venue's today and `days` further, the skipped ones with reasons.

    Raises WindowError when `days` is negative or more than a window may hold, GenerationError as generation does.
    """
    today = today_at(game.venue, now)
    window(today, today + timedelta(days))
    return slots(game, today, today + timedelta(days))
