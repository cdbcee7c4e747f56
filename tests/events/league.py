"""What the tests of the calendar share: one evening in Sydney, games whose calendar is full, and how to read it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from events import sessions
from events.models import Game, GameSession, Venue
from tests.factories import make_game, make_venue

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)  # Tuesday, 13:00 in Sydney
TODAY = date(2026, 3, 10)
HORIZON = date(2026, 4, 7)
SYDNEY = ZoneInfo("Australia/Sydney")

#: What a client sends to create a game at the venue `star`.
GAME = {
    "venue": "star",
    "name": "Thursday NLHE",
    "recurrence": "weekly",
    "start_date": "2026-03-12",
    "start_time": "19:00",
}


def full_game(venue: Venue | None = None, *, now: datetime = NOW, **fields: Any) -> Game:
    """A game, weekly on Thursdays unless told otherwise, whose calendar is full."""
    thursdays = {"recurrence": "weekly", "weekdays": ["thu"], "start_date": date(2026, 1, 1), "start_time": time(19)}
    game = make_game(venue or make_venue(holiday_region="AU-NSW"), **{**thursdays, **fields})
    sessions.settle(Q(pk=game.pk), now=now)
    game.refresh_from_db()
    return game


def session_on(game: Game, day: str) -> GameSession:
    return game.sessions.get(slot_date=march(day))


def dates(game: Game) -> list[str]:
    """The slot dates of a game, cancelled ones too."""
    return [f"{day:%m-%d}" for day in game.sessions.order_by("slot_date").values_list("slot_date", flat=True)]


def march(day: str) -> date:
    """A date of 2026, as `03-12`."""
    return date.fromisoformat(f"2026-{day}")


def sydney(moment: str) -> datetime:
    """An instant of 2026 by the clock of Sydney, as `03-12 19:00`."""
    return datetime.fromisoformat(f"2026-{moment}").replace(tzinfo=SYDNEY)


def each_day(first: date, last: date) -> list[date]:
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def rows(*models: Any) -> dict[str, list[dict[str, Any]]]:
    """Every row of the calendar, to be compared: nothing may have been written where nothing was to be."""
    from events.models import Closure, GameDate

    each: Any = models or (Venue, Game, GameDate, Closure, GameSession)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in each}
