"""The two jobs that each peer runs, one game a call, and the fan-out before them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from redis import Redis

from events import recurrence, sessions
from events.models import Game, GameSession

redis = Redis.from_url(settings.REDIS_URL)

#: Is there until a fan-out is complete.
FANNING_OUT = "bench:fanning-out"


def ordinary(game_id: int, first: str, last: str) -> None:
    """Write a game's sessions as an ordinary Django developer does: no lock, no note of how far it got."""
    game = Game.objects.select_related("venue").get(pk=game_id)
    length = timedelta(minutes=game.duration_minutes)
    missing = []
    for day in recurrence.dates(game.rule, date.fromisoformat(first), date.fromisoformat(last)):
        starts_at = datetime.combine(day, game.start_time, game.venue.zone).astimezone(UTC)
        times = {"starts_at": starts_at, "ends_at": starts_at + length, "timezone": game.venue.timezone}
        missing.append(GameSession(game=game, slot_date=day, **times))
    GameSession.objects.bulk_create(missing, ignore_conflicts=True)


def same_service(game_id: int, first: str, last: str) -> None:
    """Write a game's sessions by this project's own service."""
    days = sessions.window(date.fromisoformat(first), date.fromisoformat(last))
    sessions.create_sessions_for_game(Game(pk=game_id), days, now=timezone.now())


def fan_out(send: Callable[[int, str, str], Any], first: str, last: str) -> None:
    """Ask for each active game, by `send`, in the process of a worker like any nightly task."""
    active = Game.objects.filter(status=Game.Status.ACTIVE).order_by("pk").values_list("pk", flat=True)
    for game_id in active.iterator():
        send(game_id, first, last)
    redis.delete(FANNING_OUT)


JOBS = {"ordinary": ordinary, "same-service": same_service}
