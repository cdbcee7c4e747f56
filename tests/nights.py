"""Sessions as rows, written without a rule that names them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from events.models import Game, GameSession


def make_session(game: Game, starts: str, **fields: Any) -> GameSession:
    """A session of four hours that starts at `starts`, such as `2026-03-10 19:00`, on its venue's clock."""
    begins = datetime.fromisoformat(starts).replace(tzinfo=game.venue.zone).astimezone(UTC)
    usual = {
        "slot_date": datetime.fromisoformat(starts).date(),
        "starts_at": begins,
        "ends_at": begins + timedelta(hours=4),
        "timezone": game.venue.timezone,
    }
    return GameSession.objects.create(game=game, **{**usual, **fields})


def cancelled(reason: str, by: str = "staff") -> dict[str, str]:
    """The fields of a cancelled session."""
    return {"status": "cancelled", "cancel_reason": reason, "cancelled_by": by}
