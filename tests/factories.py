"""Venues and games as rows, written without the saving that generates their sessions at once."""

from datetime import date, time
from itertools import count
from typing import Any

from events.models import Game, Venue
from events.zones import fingerprint

_numbers = count(1)


def make_venue(timezone: str = "Australia/Sydney", **fields: Any) -> Venue:
    number = next(_numbers)
    fields = {"name": f"Venue {number}", "slug": f"venue-{number}", **fields}
    return Venue.objects.bulk_create([Venue(timezone=timezone, **fields)])[0]


def make_game(venue: Venue | None = None, **fields: Any) -> Game:
    """A game that runs daily at 19:00 since long ago, unless told otherwise."""
    return make_games(1, venue, **fields)[0]


def make_games(number: int, venue: Venue | None = None, **fields: Any) -> list[Game]:
    daily = {"recurrence": "daily", "start_date": date(2020, 1, 1), "start_time": time(19)}
    venue = venue or make_venue()
    if fields.get("generated_through"):
        fields = {"zone_data": fingerprint(venue.timezone), **fields}
    games = [Game(**{"venue": venue, "name": f"Game {n}", **daily, **fields}) for n in range(number)]
    for game in games:
        game.check_rule()  # notes its last date
    return Game.objects.bulk_create(games)
