"""Many games of every rule, and the sessions they must have, worked out by python-dateutil and zoneinfo alone."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, YEARLY, rrule
from dateutil.tz import resolve_imaginary
from django.db.models import F

from events import sessions
from events.models import Closure, Game, GameDate, GameSession, Venue
from events.public_holidays import HOLIDAYS
from workers import generation
from workers.models import Generation

#: Game, slot date, start, end, zone.
Row = tuple[int, date, datetime, datetime, str]

AHEAD = 28  # days; the last one included

#: With their public holidays between 25 September and 24 October 2026.
VENUES: dict[str, tuple[str, list[date]]] = {
    "Australia/Sydney": ("AU-NSW", [date(2026, 10, 5)]),
    "Australia/Perth": ("AU-WA", [date(2026, 9, 28)]),
    "America/New_York": ("US-NY", [date(2026, 10, 12)]),
    "Australia/Lord_Howe": ("", []),
    "UTC": ("", []),
}
TIMES = [time(19), time(12, 30), time(2, 30), time(2), time(0), time(23, 45)]

#: What staff type, and the same for dateutil.
RULES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"recurrence": "daily"}, {"freq": DAILY}),
    ({"recurrence": "daily", "interval": 3}, {"freq": DAILY, "interval": 3}),
    (
        {"recurrence": "daily", "weekdays": ["mon", "tue", "wed", "thu", "fri"]},
        {"freq": DAILY, "byweekday": [MO, TU, WE, TH, FR]},
    ),
    (
        {"recurrence": "daily", "interval": 2, "weekdays": ["mon", "fri"]},
        {"freq": DAILY, "interval": 2, "byweekday": [MO, FR]},
    ),
    ({"recurrence": "weekly"}, {"freq": WEEKLY}),
    ({"recurrence": "weekly", "weekdays": ["sat", "sun"]}, {"freq": WEEKLY, "byweekday": [SA, SU]}),
    (
        {"recurrence": "weekly", "interval": 2, "weekdays": ["tue", "thu", "sun"]},
        {"freq": WEEKLY, "interval": 2, "byweekday": [TU, TH, SU]},
    ),
    ({"recurrence": "weekly", "interval": 3}, {"freq": WEEKLY, "interval": 3}),
    ({"recurrence": "weekly", "count": 14}, {"freq": WEEKLY, "count": 14}),
    ({"recurrence": "daily", "end_date": date(2026, 10, 9)}, {"freq": DAILY, "until": datetime(2026, 10, 9)}),
    ({"recurrence": "daily", "end_date": date(2026, 8, 9)}, {"freq": DAILY, "until": datetime(2026, 8, 9)}),
    ({"recurrence": "monthly", "month_day": 15}, {"freq": MONTHLY, "bymonthday": 15}),
    (
        {"recurrence": "monthly", "month_day": 31},
        {"freq": MONTHLY, "bymonthday": [28, 29, 30, 31], "bysetpos": -1},
    ),
    ({"recurrence": "monthly", "month_day": 31, "month_end": "skip"}, {"freq": MONTHLY, "bymonthday": 31}),
    ({"recurrence": "monthly", "interval": 3, "month_day": 1}, {"freq": MONTHLY, "interval": 3, "bymonthday": 1}),
    ({"recurrence": "monthly", "nth": 1, "weekdays": ["wed"]}, {"freq": MONTHLY, "byweekday": WE(1)}),
    ({"recurrence": "monthly", "nth": -1, "weekdays": ["fri"]}, {"freq": MONTHLY, "byweekday": FR(-1)}),
    (
        {"recurrence": "yearly", "start_date": date(2023, 10, 4)},
        {"freq": YEARLY, "dtstart": datetime(2023, 10, 4)},
    ),
    (
        {"recurrence": "yearly", "interval": 2, "start_date": date(2023, 10, 5)},
        {"freq": YEARLY, "interval": 2, "dtstart": datetime(2023, 10, 5)},
    ),
    (
        {"recurrence": "weekly", "start_date": date(2026, 10, 8)},
        {"freq": WEEKLY, "dtstart": datetime(2026, 10, 8)},
    ),
]


@dataclass
class League:
    """The games, as the database has them, and what decides about their dates, as this module has it."""

    venues: dict[str, Venue] = field(default_factory=dict)
    games: list[Game] = field(default_factory=list)
    rules: list[rrule] = field(default_factory=list)
    excluded: set[tuple[int, date]] = field(default_factory=set)
    added: set[tuple[int, date]] = field(default_factory=set)
    closed: set[tuple[int, date]] = field(default_factory=set)

    def expected(self, now: datetime, ahead: int = AHEAD) -> set[Row]:
        """The sessions of a calendar filled at `now`."""
        return {
            row
            for game, rule in zip(self.games, self.rules, strict=True)
            if game.status == "active" and game.recurrence != "once" and game.venue.active
            for row in self._rows(game, rule, now.astimezone(ZoneInfo(game.venue.timezone)).date(), ahead)
        }

    def _rows(self, game: Game, rule: rrule, today: date, ahead: int) -> set[Row]:
        window = [today + timedelta(days=n) for n in range(ahead + 1)]
        midnights = [datetime.combine(day, time()) for day in window]
        named = {moment.date() for moment in rule.between(midnights[0], midnights[-1], inc=True)}
        return {
            _row(game, day)
            for day in window
            if (day in named or (game.pk, day) in self.added)
            and (game.pk, day) not in self.excluded
            and (game.venue_id, day) not in self.closed
            and not (game.holiday_policy == "skip" and day in VENUES[game.venue.timezone][1])
        }


def _row(game: Game, day: date) -> Row:
    zone = game.venue.timezone
    start = resolve_imaginary(datetime.combine(day, game.start_time, ZoneInfo(zone))).astimezone(UTC)
    return game.pk, day, start, start + timedelta(minutes=game.duration_minutes), zone


def create_league(number: int) -> League:
    """So many games, inserted without generating: around the end of September 2026 they have sessions of all kinds."""
    league = League()
    for zone, (region, _) in VENUES.items():
        league.venues[zone] = Venue(
            name=zone, slug=zone.replace("/", "-").lower(), timezone=zone, holiday_region=region
        )
    shut = Venue(name="Shut", slug="shut", active=False)
    Venue.objects.bulk_create([*league.venues.values(), shut])

    random = Random(number)
    for n in range(number):
        fields, rule = RULES[n % len(RULES)]
        start = date(2026, 6, 29) + timedelta(days=random.randrange(14))
        venue = random.choice(list(league.venues.values())) if n % 50 else shut
        game = Game(
            **{
                "name": f"Game {n}",
                "venue": venue,
                "start_date": start,
                "start_time": random.choice(TIMES),
                "duration_minutes": random.choice([180, 240, 615]),
                "holiday_policy": random.choice(["run", "skip"]),
                "holidays": HOLIDAYS,
                "status": "active" if n % 40 != 7 else random.choice(["paused", "archived"]),
                **fields,
            }
        )
        game.check_rule()
        league.games.append(game)
        league.rules.append(rrule(**{"dtstart": datetime.combine(start, time()), "wkst": MO, **rule}))
    once = Game(
        name="Once", venue=league.venues["UTC"], recurrence="once", start_date=date(2026, 10, 1), start_time=time(9)
    )
    Game.objects.bulk_create([*league.games, once])
    _make_exceptions(league, random)
    return league


def _make_exceptions(league: League, random: Random) -> None:
    for game in league.games[::9]:
        first = date(2026, 9, 26) + timedelta(days=random.randrange(20))
        league.excluded |= {(game.pk, first), (game.pk, first + timedelta(days=1))}
        league.added.add((game.pk, first + timedelta(days=3)))
    sydney = league.venues["Australia/Sydney"]
    closure = Closure(venue=sydney, first_date=date(2026, 10, 13), last_date=date(2026, 10, 15), reason="floods")
    league.closed = {(sydney.pk, date(2026, 10, day)) for day in (13, 14, 15)}
    Closure.objects.bulk_create([closure])
    GameDate.objects.bulk_create(
        GameDate(game_id=game, date=day, kind=kind, reason="staff said so")
        for kind, days in (("exclude", league.excluded), ("add", league.added))
        for game, day in days
    )


def note_generation(slot: datetime) -> Generation:
    """What the nightly generation of `slot` writes first."""
    return Generation.objects.create(slot=slot, at=slot, days=AHEAD, moved_at=slot)


def fill_calendar(slot: datetime) -> None:
    """All that the nightly generation of `slot` leaves in the database."""
    note_generation(slot)
    for game in generation.recurring().select_related("venue"):
        today = game.venue.today(slot)
        sessions.create_sessions_for_game(game, sessions.window(today, today + timedelta(days=AHEAD)), now=slot)
    Generation.objects.update(sent=generation.recurring().count(), lagging=0, finished_at=F("at"))


def expect_calendar(expected: set[Row]) -> None:
    """Assert that there is every session expected, none twice and no other."""
    rows = list(GameSession.objects.values_list("game_id", "slot_date", "starts_at", "ends_at", "timezone"))
    assert sorted(expected - set(rows))[:5] == [], "sessions are missing"
    assert sorted(set(rows) - expected)[:5] == [], "sessions nobody expects"
    assert len(rows) == len(expected), "sessions are there twice"
