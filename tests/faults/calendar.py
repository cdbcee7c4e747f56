"""Plain games, and the sessions they must have, counted off on a calendar."""

import time as clock
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from events.models import Game, GameSession, Venue
from server.embedded import until
from tests.factories import make_venue

#: Game, slot date, start.
Night = tuple[int, date, datetime]

ZONES = ("Australia/Sydney", "Australia/Perth", "America/New_York", "UTC")
AHEAD = 28  # days; the last one included
FIRST = date(2026, 1, 5)  # a Monday


@dataclass(frozen=True)
class Difference:
    """What the database has, against what it should have."""

    lost: int
    duplicated: int
    unexpected: int

    def none(self) -> bool:
        return not (self.lost or self.duplicated or self.unexpected)


def make_games(number: int) -> list[Game]:
    """So many games at 19:00, every third one daily, the others weekly, on every day of the week.

    Inserted without generating.
    """
    venues = [make_venue(zone) for zone in ZONES]
    return Game.objects.bulk_create([_game(n, venues[n % len(venues)]) for n in range(number)])


def _game(n: int, venue: Venue) -> Game:
    starts = FIRST + timedelta(days=n % 7)
    kind = "weekly" if n % 3 else "daily"
    game = Game(venue=venue, name=f"Game {n}", recurrence=kind, start_date=starts, start_time=time(19))
    game.clean()  # notes its weekday
    return game


def expected(games: list[Game], now: datetime) -> set[Night]:
    """The sessions of a calendar that was filled at `now`."""
    return {night for game in games for night in _nights(game, now)}


def _nights(game: Game, now: datetime) -> set[Night]:
    zone = ZoneInfo(game.venue.timezone)
    today = now.astimezone(zone).date()
    step = 7 if game.recurrence == "weekly" else 1
    return {
        (game.pk, day, datetime.combine(day, time(19), zone).astimezone(UTC))
        for day in (today + timedelta(days=n) for n in range(AHEAD + 1))
        if (day - game.start_date).days % step == 0
    }


def compare(nights: set[Night]) -> Difference:
    """The sessions that there are, against those that should be there."""
    there = Counter(GameSession.objects.values_list("game_id", "slot_date", "starts_at"))
    return Difference(
        lost=len(nights - there.keys()),
        duplicated=sum(n - 1 for n in there.values()),
        unexpected=len(there.keys() - nights),
    )


def seconds_until_whole(nights: set[Night], within: float) -> float | None:
    """How long (in real seconds) it takes until as many sessions are there; None when it takes longer than `within`."""
    since = clock.monotonic()
    whole = until(lambda: GameSession.objects.count() >= len(nights), within)
    return clock.monotonic() - since if whole else None
