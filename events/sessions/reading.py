"""What `planning` is told of games: a few queries for however many games, and plain data out of them.

Whoever writes a game's sessions holds the lock on the game's row and reads only after that, so writers of one game
take turns and each sees what the one before it committed. Each table read here is written under that lock, or is
followed by a settlement that waits for it: reading them one after the other misses nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from events.models import Closure, DataVersion, Game, GameDate, GameSession, Venue
from events.public_holidays import public_holiday
from events.sessions.planning import Facts, Night, Reason, Upkeep
from events.sessions.windows import MAX_WINDOW_DAYS, window
from events.slots import Closed, Schedule, Slot
from events.versions import UNSETTLED, Stamp

NIGHT_FIELDS = [field.name for field in fields(Night)]

#: What comes of a zone, region or rule that makes no sense.
_NONSENSE = (ArithmeticError, LookupError, NotImplementedError, OSError, TypeError, ValueError)


class GenerationError(Exception):
    """A game's slots cannot be worked out; the message says why."""


@contextmanager
def explained() -> Iterator[None]:
    """Around reading and planning one game: raises GenerationError for a zone, region or rule that makes no sense."""
    try:
        yield
    except _NONSENSE as error:
        raise GenerationError(f"{type(error).__name__}: {error}") from error


def today_at(venue: Venue, now: datetime) -> date:
    """The venue's own date. Raises GenerationError when its zone does not exist."""
    with explained():
        return venue.today(now)


class Schedules:
    """The schedules of some games for the local dates from `first` on, up to `last` if there is one."""

    def __init__(self, games: Sequence[Game], first: date, last: date | None = None) -> None:
        self.venues = Venue.objects.order_by().in_bulk({game.venue_id for game in games})
        for game in games:
            game.venue = self.venues[game.venue_id]
        exceptions = GameDate.objects.filter(game__in=[game.pk for game in games], date__gte=first).order_by()
        closures = Closure.objects.filter(venue__in=self.venues, last_date__gte=first)
        if last:
            exceptions, closures = exceptions.filter(date__lte=last), closures.filter(first_date__lte=last)
        self.exceptions = _by_owner(exceptions.values_list("game_id", "kind", "date", "reason"))
        self.closures = _by_owner(closures.values_list("venue_id", "first_date", "last_date", "reason"))

    def of(self, game: Game) -> Schedule:
        venue = self.venues[game.venue_id]
        on: dict[str, dict[date, str]] = {kind: {} for kind in GameDate.Kind.values}
        for kind, day, reason in self.exceptions[game.pk]:
            on[kind][day] = reason
        skips = game.holiday_policy == Game.HolidayPolicy.SKIP and venue.holiday_region
        return Schedule(
            rule=game.rule,
            start_time=game.start_time,
            duration=timedelta(minutes=game.duration_minutes),
            zone=venue.zone,
            excluded=on[GameDate.Kind.EXCLUDE],
            added=on[GameDate.Kind.ADD],
            closures=tuple(Closed(*closure) for closure in self.closures[venue.pk]),
            holiday=(lambda day: public_holiday(venue.holiday_region, day)) if skips else (lambda day: None),
        )

    @cached_property
    def has_todays_data(self) -> bool:
        return DataVersion.is_ours()

    def stamp(self, game: Game) -> Stamp:
        """What a game's row is to say of the data that it is settled with."""
        return Stamp.of(self.venues[game.venue_id].timezone) if self.has_todays_data else UNSETTLED

    def upkeep(self, game: Game) -> Upkeep:
        if game.status == Game.Status.ARCHIVED:
            return Upkeep.CLEARED
        return Upkeep.FULL if game.is_in_play else Upkeep.KEPT


def slots(game: Game, first: date, last: date) -> list[Slot]:
    """The slots of a game, saved or not. Raises GenerationError when they cannot be worked out."""
    with explained():
        return list(Schedules([game], first, last).of(game).slots(first, last))


# --- What a generation reads ------------------------------------------------------------------------------


def taken(games: Sequence[Game], first: date, last: date) -> Mapping[int, frozenset[date]]:
    """The dates from `first` to `last` that have their session, by game."""
    sessions = GameSession.objects.filter(game__in=[game.pk for game in games], slot_date__range=(first, last))
    # PostgreSQL gathers them: a row of Django's for each date is what a rerun would spend most on.
    dates = sessions.order_by().values_list("game_id").annotate(dates=ArrayAgg("slot_date"))
    return defaultdict(frozenset, ((game_id, frozenset(taken)) for game_id, taken in dates))


def facts_to_fill(game: Game, days: Sequence[date], schedules: Schedules, taken: frozenset[date]) -> Facts:
    """What is to be known of a game whose missing sessions are written, and no other is touched."""
    first = game.was_never_settled and not taken
    return Facts(
        game.pk,
        schedules.of(game),
        days,
        taken=taken,
        through=game.generated_through,
        upkeep=schedules.upkeep(game),
        stale=bool(game.generation_error) or first,
        stamp=schedules.stamp(game) if first else None,
    )


# --- What an edit reads -----------------------------------------------------------------------------------


class Nights:
    """The nights of some games that have not begun at `now`, and the dates that have theirs."""

    def __init__(self, games: Sequence[Game], now: datetime) -> None:
        self.to_come: defaultdict[int, list[Night]] = defaultdict(list)
        self.taken: defaultdict[int, set[date]] = defaultdict(set)
        self.dates: set[date] = set()
        # No zone's date is further behind: what was played yesterday in UTC may have been played today.
        yesterday = now.date() - timedelta(1)
        sessions = GameSession.objects.filter(game__in=[game.pk for game in games]).order_by("game", "slot_date")
        sessions = sessions.filter(Q(starts_at__gt=now) | Q(slot_date__gte=yesterday))
        for game_id, *row in sessions.values_list("game_id", *NIGHT_FIELDS):
            night = Night(*row)
            self.taken[game_id].add(night.slot_date)
            self.dates.add(night.slot_date)
            if night.starts_at > now:
                self.to_come[game_id].append(night)


def facts_to_settle(
    game: Game, schedules: Schedules, taken: Iterable[date], now: datetime, reason: Reason = Reason.EDIT
) -> Facts:
    """What is to be known of a game all of whose nights to come are brought in line, up to its horizon."""
    venue = schedules.venues[game.venue_id]
    today = venue.today(now)
    horizon = max(today + venue.look_ahead, game.generated_through or today)
    days = window(today, min(horizon, today + timedelta(MAX_WINDOW_DAYS - 1)))
    schedule = schedules.of(game)
    stamp = schedules.stamp(game)
    return Facts(
        game.pk,
        schedule,
        days,
        beyond=_beyond(game, schedule, days[-1]),
        taken=frozenset(taken),
        through=game.generated_through,
        upkeep=schedules.upkeep(game),
        anew=True,
        stale=bool(game.generation_error) or Stamp(game.holidays, game.zone_data) != stamp,
        stamp=stamp,
        reason=reason,
    )


def _beyond(game: Game, schedule: Schedule, horizon: date) -> list[date]:
    """The dates after the horizon of a game that no generation is about: it gets them all, however far away."""
    if game.is_recurring:
        return []
    return sorted(day for day in {game.start_date, *schedule.added} if day > horizon)


def night_of(session: GameSession) -> Night:
    return Night(*(getattr(session, name) for name in NIGHT_FIELDS))


def _by_owner(rows: Iterable[tuple[Any, ...]]) -> defaultdict[int, list[tuple[Any, ...]]]:
    """Rows without their first value, by that value."""
    owned: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for owner, *row in rows:
        owned[owner].append(tuple(row))
    return owned
