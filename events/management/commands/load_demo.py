"""A demo league, so that a first look shows something."""

from datetime import date, time, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from events.models import Closure, Game, GameDate, Venue

VENUES = {
    "star": ("The Star", "Australia/Sydney", "AU-NSW"),
    "crown": ("Crown Poker Room", "Australia/Perth", "AU-WA"),
    "harbour": ("Harbour Card Club", "Australia/Sydney", "AU-NSW"),
    "village": ("Village Poker", "America/New_York", "US-NY"),
    "lagoon": ("Lagoon Lounge", "Australia/Sydney", ""),
}


class Command(BaseCommand):
    help = "Loads a demo league into an empty database: games only, their sessions come from the clock."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "The demo is for development, as it makes an administrator with a known password: set DEMO=0 to start"
                " without it, or DEBUG=1."
            )
        if Venue.objects.exists():
            return
        with transaction.atomic():
            games = _load(timezone.localdate())
        self.stdout.write(f"Demo league: {len(VENUES)} venues, {games} games. Admin: user demo, password demo.")


def _load(today: date) -> int:
    user = get_user_model().objects.create_superuser("demo", "demo@example.com", "demo")
    venues = {
        slug: Venue(slug=slug, name=name, timezone=zone, holiday_region=region, contact_email=f"{slug}@example.com")
        for slug, (name, zone, region) in VENUES.items()
    }
    Venue.objects.bulk_create(venues.values())
    venues["lagoon"].managers.add(user)
    games = [_game(venues, today, row) for row in _games(today)]
    # Not saved one by one: that would write their sessions at once, and the demo is to show the whole chain.
    Game.objects.bulk_create(game for game in games if game.is_recurring)
    for game in games:
        if not game.is_recurring:
            game.save()  # no generation is about a game that is played once
    thursday = next(game for game in games if game.name == "Thursday NLHE")
    GameDate.objects.bulk_create(
        [
            GameDate(game=thursday, date=_next(today, 3) + timedelta(7), kind="exclude", reason="room is booked"),
            GameDate(game=thursday, date=_next(today, 5), kind="add", reason="make-up night"),
        ]
    )
    Closure.objects.bulk_create(
        [
            Closure(
                venue=venues["harbour"],
                first_date=today + timedelta(12),
                last_date=today + timedelta(14),
                reason="renovation",
            )
        ]
    )
    return len(games)


def _game(venues: dict[str, Venue], today: date, row: dict[str, Any]) -> Game:
    usual: dict[str, Any] = {"recurrence": "weekly", "start_date": today - timedelta(60), "variant": "NLHE"}
    own = {"venue": venues[row["venue"]], "start_time": time.fromisoformat(row["start_time"])}
    game = Game(**usual | row | own)
    game.clean()
    return game


def _next(today: date, weekday: int) -> date:
    return today + timedelta((weekday - today.weekday()) % 7)


def _games(today: date) -> list[dict[str, Any]]:
    cash = {"format": "cash", "variant": "PLO", "duration_minutes": 300}
    event = {"format": "tournament", "buy_in": 120, "seats": 90, "duration_minutes": 360}
    night = {"format": "tournament", "buy_in": 50, "seats": 40}
    monthly = {"recurrence": "monthly"}

    def game(venue: str, name: str, start_time: str, **fields: Any) -> dict[str, Any]:
        return {"venue": venue, "name": name, "start_time": start_time, **fields}

    return [
        game("star", "Daily Grind", "12:00", recurrence="daily", **cash),
        game("star", "Thursday NLHE", "19:00", weekdays=["thu"], **night),
        game("star", "Fortnightly Deepstack", "18:00", weekdays=["sat"], interval=2, **event),
        game("star", "Last Friday Bounty", "19:30", weekdays=["fri"], nth=-1, **monthly, **event),
        game("star", "Month-End Main Event", "17:00", month_day=31, **monthly, **event),
        game("crown", "Weekend Cash", "14:00", weekdays=["sat", "sun"], **cash),
        game("crown", "Monday Bounty", "19:00", weekdays=["mon"], holiday_policy="skip", **night),
        game(
            "crown",
            "First Wednesday Freeroll",
            "18:30",
            weekdays=["wed"],
            nth=1,
            **monthly,
            format="tournament",
        ),
        game(
            "crown",
            "Early Bird",
            "06:30",
            recurrence="daily",
            weekdays=["mon", "tue", "wed", "thu", "fri"],
            **cash,
        ),
        game("harbour", "Harbour Nightly", "20:00", recurrence="daily", holiday_policy="skip", **night),
        game("harbour", "Every Third Day", "15:00", recurrence="daily", interval=3, **cash),
        game("harbour", "Tuesday and Thursday PLO", "19:00", weekdays=["tue", "thu"], **cash),
        game("harbour", "Ten-Week League", "18:45", weekdays=["wed"], start_date=today, count=10, **night),
        game("village", "Village Daily", "19:00", recurrence="daily", currency="USD", **night),
        game("village", "Small Hours", "02:30", weekdays=["sun"], currency="USD", **cash),
        game("village", "The 15th", "20:00", month_day=15, currency="USD", **monthly, **night),
        game(
            "village",
            "Quarterly Classic",
            "13:00",
            interval=3,
            month_day=1,
            currency="USD",
            **monthly,
            **event,
        ),
        game("lagoon", "Anniversary Game", "19:00", recurrence="yearly", start_date=_years_ago(today), **event),
        game("lagoon", "Charity Night", "18:00", recurrence="once", start_date=today + timedelta(9), **event),
        game("lagoon", "Summer Series", "17:30", weekdays=["fri"], end_date=today + timedelta(90), **night),
        game("lagoon", "Resting League", "19:00", weekdays=["mon"], status="paused", **night),
    ]


def _years_ago(today: date) -> date:
    """Two years before the day after tomorrow, on a day that every year has."""
    day = today + timedelta(2)
    return day.replace(year=day.year - 2, day=min(day.day, 28))
