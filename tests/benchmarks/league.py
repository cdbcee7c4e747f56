"""The games that everybody generates, put back before each figure, and looked at after it."""

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from events.models import Game, GameSession, Venue
from events.zones import fingerprint
from tests.benchmarks.place import Spoilt
from workers.models import Generation, Run

AHEAD = settings.LOOKAHEAD_DAYS
GAMES_A_VENUE = 20
ZONE = "Australia/Sydney"


class League:
    """So many games, played daily since `begun` at venues in the zones, with no session yet."""

    def __init__(self, games: int, *, begun: date = date(2020, 1, 1), zones: tuple[str, ...] = (ZONE,)) -> None:
        self.games = games
        self.clear()
        venues = Venue.objects.bulk_create(
            Venue(name=f"Venue {n}", slug=f"venue-{n}", timezone=zones[n % len(zones)])
            for n in range(-(-games // GAMES_A_VENUE))
        )
        rule = {"recurrence": "daily", "start_date": begun, "start_time": time(19)}
        Game.objects.bulk_create(
            (Game(venue=venues[n % len(venues)], name=f"Game {n}", **rule) for n in range(games)), batch_size=2000
        )
        self.empty()

    @staticmethod
    def clear() -> None:
        """Leave neither game nor session."""
        with connection.cursor() as cursor:  # truncated, so that nobody finds another's dead rows
            cursor.execute("TRUNCATE events_venue, events_game, events_gamesession, workers_generation CASCADE")
        _clear_clock()

    def empty(self) -> None:
        """Take the sessions away, and begin anew with today's date."""
        self.today = timezone.now().astimezone(ZoneInfo(ZONE)).date()
        self.horizon = self.today + timedelta(AHEAD)
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE events_gamesession")
        Game.objects.update(generated_through=None, generation_error="")
        _clear_clock()
        _settle_down()

    def one_day_back(self) -> None:
        """Leave each game as it was a day ago: without the session of the last day."""
        GameSession.objects.filter(slot_date=self.horizon).delete()
        _note(self.horizon - timedelta(1))
        _clear_clock()
        _settle_down()

    def leave(self) -> None:
        """Leave everything settled, and forget how it came to be."""
        _note(self.horizon)
        _clear_clock()
        _settle_down()

    def some(self, games: int) -> list[int]:
        """The ids of so many games, if there are."""
        return list(Game.objects.order_by("pk").values_list("pk", flat=True)[:games])

    def is_complete(self, games: int | None = None) -> bool:
        """Whether there are as many sessions as so many games, or all, must have."""
        return GameSession.objects.count() == (games or self.games) * (AHEAD + 1)

    def check(self, *, notes: bool) -> None:
        """Raises Spoilt unless each game has a session on each day, and, if it `notes`, is settled to the horizon."""
        each = GameSession.objects.filter(slot_date__range=(self.today, self.horizon)).order_by().values("game")
        whole = each.annotate(days=Count("pk")).filter(days=AHEAD + 1).count()
        settled = Game.objects.filter(generated_through=self.horizon, generation_error="").count()
        if not self.is_complete() or whole != self.games or (notes and settled != self.games):
            raise Spoilt(f"Of {self.games} games {whole} are complete, and {settled} settled.")


def _note(through: date) -> None:
    """Have each game settled so far, as ours leaves it, whoever wrote its sessions."""
    for zone in Venue.objects.zones():
        games = Game.objects.filter(venue__timezone=zone)
        games.update(generated_through=through, zone_data=fingerprint(zone))


def _clear_clock() -> None:
    Run.objects.all().delete()
    Generation.objects.all().delete()


def _settle_down() -> None:
    """Let everybody find tidy tables and a database that has nothing left to write."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) events_game, events_gamesession")
        cursor.execute("CHECKPOINT")
