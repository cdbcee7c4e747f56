"""A generation of the calendar, from its record over the messages of its games to the last game that lags."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache, reduce
from http.client import HTTPException
from operator import or_
from typing import Any
from urllib.request import urlopen
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from dramatiq import Message
from dramatiq.middleware import TimeLimitExceeded

from events import sessions
from events.models import GIVEN_UP, IN_PLAY, RECURRING, TRIED_AGAIN, Game, GameDate, Venue, outdated
from events.sessions import MAX_WINDOW_DAYS, WindowError, window
from events.zones import NO_ZONE
from workers.backing_services import PASSING_ERRORS
from workers.broker import BATCH, broker
from workers.committer import Deadly, committer, forget_holders
from workers.game_message import QUEUE, message
from workers.models import Generation, Run

log = logging.getLogger(__name__)

#: The job whose slots are the nightly generation's, by the name of its actor, whose module imports this one.
NIGHTLY = "generate_upcoming_game_sessions"

#: Errors that are no fault of a game's: the database is away, or others kept the game waiting too long.
PASSING = (*PASSING_ERRORS, TimeLimitExceeded)


@dataclass(frozen=True, slots=True)
class Goal:
    """How far the calendar is to be filled: in each zone as far as the furthest of these generations looks."""

    generations: Sequence[Generation]

    @property
    def unfinished(self) -> list[Generation]:
        return [each for each in self.generations if each.finished_at is None]


def generate(now: datetime, *, days: int | None, run: Run | None = None) -> dict[str, int]:
    """Record the generation that `run` asks for and send its messages. Returns how far it looks, over how many games.

    Raises events.sessions.WindowError for a number of days that no window can have.
    """
    slot = run.slot if run and run.job_id == NIGHTLY else None
    begun = begin(now, days=days, slot=slot, run_id=run.pk if run else None)
    return {"days": begun.days, "games": fan_out(begun, now=now)}


def begin(now: datetime, *, days: int | None, slot: datetime | None = None, run_id: UUID | None = None) -> Generation:
    """Record a generation and with it its horizon; that of a night, or of a run, once, however often it is tried."""
    days = check_days(settings.LOOKAHEAD_DAYS if days is None else days)
    values = {"at": now, "days": days, "moved_at": now, "slot": slot, "run_id": run_id}
    if slot:
        return Generation.objects.get_or_create(slot=slot, defaults=values)[0]
    if run_id:
        return Generation.objects.get_or_create(run_id=run_id, defaults=values)[0]
    return Generation.objects.create(**values)


def check_days(days: int) -> int:
    """`days`, if one can look so far ahead; otherwise raises events.sessions.WindowError."""
    if not 0 <= days < MAX_WINDOW_DAYS:
        raise WindowError(f"{days} days ahead is no window: give 0 to {MAX_WINDOW_DAYS - 1}.")
    return days


def fan_out(generation: Generation, *, now: datetime) -> int:
    """Send one message for each active recurring game; returns how many.

    The nightly generation asks of each game what lies beyond `generated_through`, one asked for by hand the whole
    window. Should this die on the way, the reconciler sends the rest.
    """
    games = recurring() if generation.slot is None else lagging(generation, now, failed=True)
    sent = _send(generation, games, whole=generation.slot is None, now=now)
    Generation.objects.filter(pk=generation.pk).update(sent=sent, moved_at=now)
    log.info("%s: sent %d games", generation, sent)
    return sent


def current(now: datetime) -> Goal | None:
    """The generations whose horizons count: the latest nightly one, and those by hand that are not finished.

    Where there was never a nightly one the latest by hand counts in its place, finished or not. A rerun by hand thus
    makes nobody's horizon shorter, and a longer one keeps no game waiting once it is done.
    """
    possible = Generation.objects.possible_at(now)
    standing = possible.annotate(by_hand=Q(slot=None)).order_by("by_hand", "-at").first()
    if standing is None:
        return None
    by_hand = possible.filter(slot=None, finished_at=None).exclude(pk=standing.pk)
    # Of those over as many days the latest looks furthest.
    return Goal([standing, *by_hand.order_by("days", "-at").distinct("days")])


def reconcile(now: datetime) -> int:
    """Send the games again that lag behind the horizon when their messages are gone; returns how many."""
    for each in Generation.objects.impossible_at(now)[:10]:
        _say_ignored(str(each))
    goal = current(now)
    if goal is None:
        return 0
    behind = lagging(goal, now).count()
    finish([each for each in goal.unfinished if not behind or not lagging(each, now).exists()], now)
    if any(each.lagging is None or behind < each.lagging for each in goal.generations):
        _note(goal, behind, now)
    if not behind or not _is_lost(goal, now):
        return 0
    sent = _send(goal, lagging(goal, now), whole=False, now=now)
    _note(goal, behind, now)
    log.warning("%s: %d games had not got on and were sent again", goal.generations[0], sent)
    return sent


@lru_cache
def _say_ignored(generation: str) -> None:
    log.error("%s: ignored, it lies ahead of now or looks too far. Was a host's clock wrong?", generation)


def _note(goal: Goal, behind: int, now: datetime) -> None:
    """Note how many games lag, as some have got on or were sent again."""
    for each in goal.generations:
        each.lagging, each.moved_at = behind, now
    Generation.objects.bulk_update(goal.generations, ["lagging", "moved_at"])


def _is_lost(goal: Goal, now: datetime) -> bool:
    """Whether the messages of the games that lag are gone: there is none, or none was worked on for a while.

    While some still wait for a worker nothing is lost, so that a backlog is never sent twice over.
    """
    if all(each.sent is not None for each in goal.generations) and not broker().backlog(QUEUE):
        return True
    still = now - max(each.moved_at for each in goal.generations)
    return still >= timedelta(seconds=settings.RESEND_AFTER_SECONDS) and not broker().waiting(QUEUE)


def finish(done: Sequence[Generation], now: datetime) -> None:
    """Note that no game lags behind these any more, nor behind earlier ones that looked no further.

    After a nightly generation the service hears that waits for it.
    """
    if not done:
        return
    covered = reduce(or_, (Q(at__lte=each.at, days__lte=each.days) for each in done))
    unfinished = Generation.objects.filter(covered, finished_at=None)
    nightly = unfinished.filter(slot__isnull=False).exists()
    if unfinished.update(finished_at=now) and nightly and settings.HEARTBEAT_URL:
        try:
            urlopen(settings.HEARTBEAT_URL, timeout=10).close()
        except (OSError, ValueError, HTTPException) as error:  # ValueError: an address that is none after all
            log.warning("The heartbeat of the generation was not taken: %s", error)


def create_sessions(
    game_id: int, first: date | None, last: date | None, *, now: datetime, last_try: bool, apart: bool
) -> int:
    """Write the missing sessions of one game, from its venue's today to the horizon unless told otherwise.

    Returns how many. A game that no longer exists is logged and dropped. What goes wrong is raised, to be tried
    again; at the last try the game is marked with the error, and holds up no other. Unless it is to be kept `apart`,
    it is written in one transaction with the games that other threads of this process have in hand.
    """
    try:
        days = _days(game_id, first, last, now)
        lacked = committer.create(game_id, days, now, apart=apart) if days else None
        if lacked is None:
            log.warning("Game %s does not exist: nothing is done", game_id, extra={"game_id": game_id})
        return lacked or 0
    except WindowError:
        raise  # no fault of the game's
    except (Exception, TimeLimitExceeded) as error:
        if not last_try and not isinstance(error, Deadly):
            raise
        log.exception("Game %s cannot be generated", game_id, extra={"game_id": game_id})
        # What befalls the database is no fault of the game's either, nor that it had to wait: the reconciler goes on.
        sessions.mark_failed(game_id, error, for_now=isinstance(error, PASSING))
        forget_holders([game_id])  # it is marked now; who retries it by hand begins anew
        return 0


def _days(game_id: int, first: date | None, last: date | None, now: datetime) -> tuple[date, ...] | None:
    """The window: from the venue's today, for the look-ahead, unless told otherwise; None when there is no such game.

    Raises events.sessions.WindowError, and events.sessions.GenerationError when its venue's zone does not exist.
    """
    if first and last:
        return window(first, last)
    venue = Venue.objects.filter(games=game_id).first()
    if settings.DATABASE_POOL:
        connection.close()  # the thread may wait for the committer, and others may need the connection
    if venue is None:
        return None
    first = first or sessions.today_at(venue, now)
    return window(first, last or first + venue.look_ahead)


def recurring() -> QuerySet[Game]:
    """The games that a generation is about."""
    return Game.objects.in_play().recurring()


def horizon(goal: Generation | Goal, zone: str) -> date:
    """The last local date up to which the games in the zone called `zone` are to be settled."""
    generations = goal.generations if isinstance(goal, Goal) else [goal]
    return max(each.at.astimezone(ZoneInfo(zone)).date() + timedelta(each.days) for each in generations)


def lagging(goal: Generation | Goal, now: datetime, *, failed: bool = False) -> QuerySet[Game]:
    """The active recurring games not settled up to the horizon of `goal`, and all those to be settled anew.

    Ended ones do not lag, nor do failed ones unless asked for or to be tried again. Behind a horizon that has passed,
    because the nights were paused for longer than they look ahead, nobody lags.
    """
    behind = Q(pk__in=[])
    for zone in Venue.objects.zones():
        try:
            end = horizon(goal, zone)
            if end < _today(zone, now):
                continue
        except NO_ZONE:  # its games fail when they are tried, so they must be tried
            end = date.max
        behind |= Q(venue__timezone=zone, generated_through__isnull=True)
        behind |= Q(venue__timezone=zone, generated_through__lt=end)
    added_later = GameDate.objects.filter(
        game=OuterRef("pk"), kind=GameDate.Kind.ADD, date__gt=OuterRef("generated_through")
    )
    unfinished = (
        Q(last_date__isnull=True)
        | Q(generated_through__isnull=True)
        | Q(last_date__gt=F("generated_through"))
        | Exists(added_later)
    )
    games = Game.objects.filter(IN_PLAY & RECURRING & (behind & unfinished | TRIED_AGAIN) | outdated())
    return games if failed else games.exclude(GIVEN_UP)


def reaches(
    now: datetime, game_id: int, first_day: str | None = None, last_day: str | None = None, settle: bool = False
) -> bool:
    """Whether the horizon, to which the reconciler brings every game, covers what a message of these arguments asks."""
    goal = current(now)
    zone = Venue.objects.filter(games=game_id).values_list("timezone", flat=True).first()
    try:
        return last_day is None or not zone or not goal or last_day <= horizon(goal, zone).isoformat()
    except NO_ZONE:  # the game says so itself
        return True


def _send(goal: Generation | Goal, games: QuerySet[Game], *, whole: bool, now: datetime) -> int:
    return broker().enqueue_all(_messages(goal, games, whole=whole, now=now))


def _messages(goal: Generation | Goal, games: QuerySet[Game], *, whole: bool, now: datetime) -> Iterator[Message[Any]]:
    windows: dict[str, tuple[date, date] | None] = {}
    rows = games.annotate(anew=Case(When(outdated(), then=True), default=False)).order_by("pk")
    values = rows.values_list("pk", "generated_through", "generation_error", "venue__timezone", "anew")
    for game_id, through, error, zone, anew in values.iterator(chunk_size=BATCH):
        if zone not in windows:
            windows[zone] = _window(goal, zone, now)
        days = windows[zone]
        if days and through and not (whole or error or anew):
            days = min(max(days[0], through + timedelta(1)), days[1]), days[1]
        yield message(game_id, *(day.isoformat() for day in days or ()))


def _window(goal: Generation | Goal, zone: str, now: datetime) -> tuple[date, date] | None:
    """From the zone's today to its horizon, or today alone if that has passed.

    None when there is no such zone: whoever asks for its today says so.
    """
    try:
        today = _today(zone, now)
        return today, max(horizon(goal, zone), today)
    except NO_ZONE:
        return None


def _today(zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone)).date()
