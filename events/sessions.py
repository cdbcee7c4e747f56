"""The only writer of game sessions: create, follow an edit, cancel, move, restore, split.

Whoever writes a game's sessions holds the lock on the game's row and reads what decides about them only after
that, so writers of one game take turns and each sees what the one before it committed. Locks are taken in one
order, venues before games and each by id. The unique constraint on (game, slot date) is the last word.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.base import ModelState
from django.utils import timezone

from events import recurrence
from events.models import END_OF_TIME, LATEST, Closure, Game, GameDate, GameSession, NewSession, Venue
from events.public_holidays import HOLIDAYS, public_holiday
from events.recurrence import Rule
from events.slots import Closed, Schedule, Slot

MAX_WINDOW_DAYS = 400

#: Written by the engine alone: no edit of a game that was read earlier may put them back.
ENGINE_FIELDS = ["generated_through", "generation_error", "holidays"]

#: How the error of a game begins that is tried again.
FOR_NOW = "It will be tried again. "

#: What an edit changes when it names other days than the game had.
RULE_FIELDS = {"recurrence", "weekdays", "month_day", "nth", "start_date"}

#: What comes of a zone, region or rule that makes no sense.
_NONSENSE = (ArithmeticError, LookupError, NotImplementedError, OSError, TypeError, ValueError)

Result = TypeVar("Result")

_FOLLOWED = ["starts_at", "ends_at", "timezone", "status", "cancel_reason", "cancelled_by"]


class WindowError(ValueError):
    """A window of dates that cannot be generated; the message says why and what would do."""


class GenerationError(Exception):
    """A game's slots cannot be worked out; the message says why."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How many sessions an edit touches, and how many it leaves as they are."""

    created: int = 0
    moved: int = 0
    cancelled: int = 0
    restored: int = 0
    removed: int = 0
    edited_stay: int = 0
    cancelled_stay: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        """A sentence, such as "12 sessions move, 2 edited by hand stay, 1 cancelled stays"."""
        said = [words.format(n=n) for n, words in self._words() if n]
        return ", ".join(said) if said else "no session changes"

    def _words(self) -> Iterable[tuple[int, str]]:
        def word(n: int, many: str, one: str) -> str:
            return f"{{n}} {one if n == 1 else many}"

        yield self.created, word(self.created, "sessions are added", "session is added")
        yield self.moved, word(self.moved, "sessions move", "session moves")
        yield self.cancelled, word(self.cancelled, "sessions are cancelled", "session is cancelled")
        yield self.restored, word(self.restored, "sessions are restored", "session is restored")
        yield self.removed, word(self.removed, "sessions are removed", "session is removed")
        yield self.edited_stay, word(self.edited_stay, "edited by hand stay", "edited by hand stays")
        yield self.cancelled_stay, word(self.cancelled_stay, "cancelled stay", "cancelled stays")


# --- Generation -------------------------------------------------------------------------------------------


@lru_cache(maxsize=100)  # a generation asks for the same few windows, once for each game
def window(first: date, last: date) -> tuple[date, ...]:
    """The dates from `first` to `last`, both included.

    Raises WindowError when the window ends before it starts or is longer than 400 days.
    """
    days = (last - first).days + 1
    if days < 1:
        raise WindowError(f"The window ends ({last}) before it starts ({first}): give an end on or after the start.")
    if days > MAX_WINDOW_DAYS:
        raise WindowError(f"The window {first} to {last} is {days} days long: give {MAX_WINDOW_DAYS} at most.")
    return tuple(first + timedelta(n) for n in range(days))


def create_sessions_for_game(game: Game, days: Iterable[date], *, now: datetime | None = None) -> int:
    """Write the sessions of `game` that are missing on `days` (dates in the venue's own calendar).

    Safe to repeat and to run twice at once. `generated_through` moves in the same transaction, over the days
    that join up with it. Only an active game of an active venue is generated.
    `now` (aware) is the present unless given.

    Returns how many were missing. Raises WindowError for days further apart than a window may be, and
    GenerationError when the game's slots cannot be worked out; then nothing is written.
    """
    wanted = sorted(set(days))
    if not wanted:
        return 0
    window(wanted[0], wanted[-1])
    with transaction.atomic():
        locked = lock_game(game.pk)
        if locked is None or locked.status != Game.Status.ACTIVE:
            return 0
        facts = _facts(locked, wanted[0], wanted[-1])
        if not facts.generated:
            return 0
        filling = _filling(facts, wanted, now or timezone.now())
        _write([filling])
        return len(filling.missing)


def create_sessions_for_games(windows: Mapping[int, Sequence[date]], *, now: datetime) -> dict[int, int]:
    """The same for many games at once, each id with the days of its window, in one transaction.

    Returns how many sessions each game lacked. Games that are not in the answer were left alone, so that none
    holds up the others: somebody else has locked it, its slots cannot be worked out, or there is no such game. One
    at a time, `create_sessions_for_game` waits for it, or says what is wrong.
    """
    first, last = min(days[0] for days in windows.values()), max(days[-1] for days in windows.values())
    fillings = []
    with transaction.atomic():
        free = Game.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=windows).order_by("pk")
        games = list(free)
        taken = _taken(games, first, last)
        lacked = {game.pk: 0 for game in games if _is_whole(game, windows[game.pk], taken[game.pk])}
        lacking = [game for game in games if game.pk not in lacked]
        known = _Known(lacking, first, last, taken)
        for game in lacking:
            days = windows[game.pk]
            with suppress(GenerationError):
                facts = known.facts(game, days[0], days[-1])
                if facts.generated:
                    fillings.append(_filling(facts, days, now))
                lacked[game.pk] = 0
        _write(fillings)
    return lacked | {filling.game.pk: len(filling.missing) for filling in fillings}


def mark_failed(game_id: int, error: BaseException, *, for_now: bool = False) -> None:
    """Note why a game cannot be generated. It is left alone until it is edited or the next generation, unless the
    error is one that may pass."""
    said = f"{FOR_NOW if for_now else ''}{type(error).__name__}: {error}"
    Game.objects.filter(pk=game_id).update(generation_error=said[:2000])


def preview(game: Game, days: int, *, now: datetime) -> list[Slot]:
    """The slots of `game`, saved or not, from the venue's today and `days` further, the skipped ones with reasons.

    Raises WindowError when `days` is negative or more than a window may hold, GenerationError as generation does.
    """
    today = today_at(game.venue, now)
    window(today, today + timedelta(days))
    facts = _facts(game, today, today + timedelta(days))
    return facts.slots()


def today_at(venue: Venue, now: datetime) -> date:
    """The venue's own date. Raises GenerationError when its zone does not exist."""
    try:
        return venue.today(now)
    except _NONSENSE as error:
        raise GenerationError(f"{type(error).__name__}: {error}") from error


# --- Edits ------------------------------------------------------------------------------------------------


def settle(game_id: int, now: datetime) -> Changes:
    """Make the sessions of a game what its rule, exceptions and closures say now, from now to the horizon.

    Sessions that have begun never change. Untouched ones follow in place; those edited or cancelled by hand stay.
    A game whose slots cannot be worked out is marked with the error and otherwise left as it is.
    """
    with transaction.atomic():
        game = lock_game(game_id)
        if game is None:
            return Changes()
        sessions = list(game.sessions.filter(starts_at__gt=now).order_by("slot_date"))
        try:
            today = today_at(Venue.objects.get(pk=game.venue_id), now)
            horizon = _horizon(game, today)
            reach = _reach(game, horizon)
            known = [session.slot_date for session in sessions]
            facts = _facts(game, min([today, *known]), max([reach, *known]))
            slots = facts.slots()
        except GenerationError as error:
            mark_failed(game_id, error)
            return Changes()
        return _Settlement(game, facts, slots, now, horizon).apply(sessions, today, reach)


def _horizon(game: Game, today: date) -> date:
    """How far an edit settles: the look-ahead, and what was settled before, within what a window may hold."""
    wanted = max(today + timedelta(settings.LOOKAHEAD_DAYS), game.generated_through or today)
    return min(wanted, today + timedelta(MAX_WINDOW_DAYS - 1))


def _reach(game: Game, horizon: date) -> date:
    """How far an edit writes: a game that no generation is about gets all its dates, however far away they are."""
    if game.recurrence != Game.Recurrence.ONCE:
        return horizon
    added = GameDate.objects.filter(game=game, kind=GameDate.Kind.ADD)
    last: date = max(horizon, game.start_date, *added.values_list("date", flat=True))
    return last


def settle_venue(venue_id: int, now: datetime) -> Changes:
    """Settle every game of a venue, in one order so that two such edits take turns."""
    games = Game.objects.filter(venue_id=venue_id).order_by("pk").values_list("pk", flat=True)
    return sum((settle(game_id, now) for game_id in games), Changes())


def keep_engine_fields(game: Game) -> None:
    """Lock the row of a game about to be saved, and take over what the engine wrote there meanwhile."""
    locked = lock_game(game.pk) if game.pk else None
    if locked is not None:
        for name in ENGINE_FIELDS:
            setattr(game, name, getattr(locked, name))


def rehearse(edit: Callable[[], Result]) -> Result:
    """What an edit would do: it is done, and rolled back. Its result says how many sessions it touched."""
    with transaction.atomic():
        result = edit()
        transaction.set_rollback(True)
    return result


def replace_exceptions(game: Game, exceptions: Iterable[GameDate]) -> None:
    """Make these the exceptions of a saved game; whoever calls settles it."""
    wanted = list(exceptions)
    GameDate.objects.filter(game=game).exclude(date__in=[row.date for row in wanted]).delete()
    for row in wanted:
        row.game = game
    GameDate.objects.bulk_create(
        wanted, update_conflicts=True, unique_fields=["game", "date"], update_fields=["kind", "reason"]
    )


def split(game_id: int, from_date: date, edits: dict[str, Any], *, now: datetime) -> Game:
    """Change a game from a date on: it ends the day before, and a copy with the `edits` (fields of Game) starts.

    Exceptions and sessions from that date on go with the copy: those edited or cancelled by hand stay as they
    are, the rest follow the copy's rule with the uid they have. Where the rule is not edited the copy keeps step
    with the old one: fortnights stay in their weeks, and a count goes on. Another interval is counted from the
    first of the old weekdays or days of the month on or after the date, other days from the date itself.

    Returns the copy; its `changes` say what happened to sessions. Raises Game.DoesNotExist, and ValidationError
    naming the field when the date or an edit will not do; then nothing is written.
    """
    with transaction.atomic():
        lock_venues(*Game.objects.filter(pk=game_id).values_list("venue_id", flat=True))
        old = lock_game(game_id)
        if old is None:
            raise Game.DoesNotExist
        _check_split(old, from_date, Venue.objects.get(pk=old.venue_id).today(now))
        new = _copy_from(old, from_date, edits)
        new.full_clean()
        Game.objects.bulk_create([new])  # save() would settle it before its sessions have come along
        old.exceptions.filter(date__gte=from_date).update(game=new)
        old.sessions.filter(slot_date__gte=from_date).update(game=new)
        old.end_date, old.count = from_date - timedelta(1), None
        old.save(now=now)
        new.changes = old.changes + settle(new.pk, now)
        new.refresh_from_db(fields=ENGINE_FIELDS)
        return new


# --- By hand ----------------------------------------------------------------------------------------------


def cancel(session_id: int, reason: str, *, now: datetime) -> GameSession:
    """Cancel a session by hand. It keeps its slot, so that it is never generated again, and can be restored.

    Where it was cancelled already, its reason stays unless another is given.

    Raises GameSession.DoesNotExist, and ValidationError when it is over.
    """
    with transaction.atomic():
        session = _lock_session(session_id, now)
        return _save(
            session,
            now,
            status=GameSession.Status.CANCELLED,
            cancelled_by=GameSession.CancelledBy.STAFF,
            cancel_reason=reason or session.cancel_reason,
        )


def restore(session_id: int, *, now: datetime) -> GameSession:
    """Schedule a cancelled session again. Where the rule would have it otherwise, it counts as edited by hand.

    Raises GameSession.DoesNotExist, and ValidationError when it is over.
    """
    with transaction.atomic():
        session = _lock_session(session_id, now)
        slot = _slot_of(session)
        follows = slot is not None and (slot.starts_at, slot.ends_at) == (session.starts_at, session.ends_at)
        return _save(
            session,
            now,
            status=GameSession.Status.SCHEDULED,
            cancelled_by="",
            cancel_reason="",
            edited=session.edited or not follows,
        )


def move(session_id: int, starts_at: datetime, ends_at: datetime | None = None, *, now: datetime) -> GameSession:
    """Move a session to other instants (aware; without an end it keeps its length). Its slot date stays.

    Raises GameSession.DoesNotExist, and ValidationError when the session is over or cancelled, or the new times
    are past, end before they start or last more than 24 hours.
    """
    with transaction.atomic():
        session = _lock_session(session_id, now)
        if session.status == GameSession.Status.CANCELLED:
            raise ValidationError({"status": "This session is cancelled: restore it before you move it."})
        try:  # in UTC, for in a zone of its own Python adds and subtracts what the wall clock shows
            starts_at = starts_at.astimezone(UTC)
            ends_at = ends_at.astimezone(UTC) if ends_at else starts_at + (session.ends_at - session.starts_at)
        except OverflowError:
            raise ValidationError({"starts_at": f"No calendar goes so far: give a date up to {LATEST}."}) from None
        if starts_at <= now:
            raise ValidationError({"starts_at": "This is in the past: give a time to come."})
        if starts_at >= END_OF_TIME:
            raise ValidationError({"starts_at": f"No calendar goes so far: give a date up to {LATEST}."})
        if not timedelta(0) < ends_at - starts_at <= timedelta(days=1):
            raise ValidationError({"ends_at": "A session ends after it starts and lasts at most 24 hours."})
        return _save(session, now, starts_at=starts_at, ends_at=ends_at, edited=True)


def note(session_id: int, notes: str, *, now: datetime) -> GameSession:
    """Write what players are to know about a session. It still follows its game.

    Raises GameSession.DoesNotExist, and ValidationError when it is over.
    """
    with transaction.atomic():
        return _save(_lock_session(session_id, now), now, notes=notes)


# --- How it is done ---------------------------------------------------------------------------------------


def lock_venues(*venue_ids: int | None) -> None:
    """Taken, before any game's, by whatever settles all games of a venue or brings it one: neither misses the other."""
    saved = [venue_id for venue_id in venue_ids if venue_id]
    list(Venue.objects.select_for_update(no_key=True).filter(pk__in=saved).order_by("pk").values_list("pk"))


def lock_game(game_id: int) -> Game | None:
    """Taken by whatever writes a game's sessions or exceptions; None when there is no such game."""
    # NO KEY: writing a session or an exception takes a share of the game's key, and need not wait for this.
    return Game.objects.select_for_update(no_key=True).filter(pk=game_id).first()


def _lock_session(session_id: int, now: datetime) -> GameSession:
    """The session, its game locked. Raises GameSession.DoesNotExist, and ValidationError when it is over."""
    game_id = GameSession.objects.values_list("game_id", flat=True).get(pk=session_id)
    lock_game(game_id)
    session = GameSession.objects.select_related("game__venue").get(pk=session_id)
    if session.game_id != game_id:  # a split took it along meanwhile
        return _lock_session(session_id, now)
    if session.ends_at <= now:
        raise ValidationError({"status": "This session is over: the past does not change."})
    return session


def _save(session: GameSession, now: datetime, **changes: Any) -> GameSession:
    changed = {name: value for name, value in changes.items() if getattr(session, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(session, name, value)
        session.sequence += 1
        session.updated_at = now
        session.save(update_fields=[*changed, "sequence", "updated_at"])
    return session


def _slot_of(session: GameSession) -> Slot | None:
    slots = _facts(session.game, session.slot_date, session.slot_date).slots()
    return slots[0] if slots else None


def _check_split(game: Game, from_date: date, today: date) -> None:
    if game.recurrence == Game.Recurrence.ONCE:
        raise ValidationError({"from_date": "This game is played once: edit it instead."})
    if from_date <= max(game.start_date, today):
        raise ValidationError({"from_date": f"Take a date after today and after the start, {game.start_date}."})
    if game.last_date and from_date > game.last_date:
        raise ValidationError({"from_date": f"The game ends on {game.last_date}: take an earlier date."})


def _copy_from(old: Game, from_date: date, edits: dict[str, Any]) -> Game:
    new = copy.copy(old)
    new.pk, new._state = None, ModelState()
    new.start_date, new.generated_through, new.generation_error = from_date, None, ""
    new.origin_id = old.origin_id or old.pk
    if old.count:
        new.count = old.count - len(recurrence.dates(old.rule, old.start_date, from_date - timedelta(1)))
    edits = {name: value for name, value in edits.items() if getattr(old, name) != value}
    if not RULE_FIELDS & set(edits):
        _keep_step(replace(old.rule, interval=1) if "interval" in edits else old.rule, old, new, from_date)
    for name, value in edits.items():
        setattr(new, name, value)
    if new.start_date < from_date:
        raise ValidationError({"start_date": f"The copy starts on {from_date}, or later: give no earlier date."})
    return new


def _keep_step(rule: Rule, old: Game, new: Game, from_date: date) -> None:
    """Start the copy on a date of `rule`, and say what the old rule took from its start date."""
    following = recurrence.next_date(rule, from_date)
    if following is None:
        raise ValidationError({"from_date": "The game has no date from then on: take an earlier one."})
    new.start_date = following
    if old.recurrence == Game.Recurrence.WEEKLY and not old.weekdays:
        new.weekdays = [recurrence.WEEKDAYS[old.start_date.weekday()]]
    if old.recurrence == Game.Recurrence.MONTHLY and not (old.month_day or old.nth):
        new.month_day = old.start_date.day
    if old.recurrence == Game.Recurrence.YEARLY and following.day != old.start_date.day:
        raise ValidationError({"from_date": "A game on 29 February can only change from a leap year on."})


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read about a game for the local dates `first` to `last`."""

    game: Game
    venue: Venue
    schedule: Schedule
    taken: frozenset[date]
    first: date
    last: date

    @property
    def generated(self) -> bool:
        """Whether its calendar is kept full."""
        return self.game.status == Game.Status.ACTIVE and self.venue.active

    def today(self, now: datetime) -> date:
        return now.astimezone(self.schedule.zone).date()

    def slots(self, wanted: Callable[[date], bool] = lambda day: True) -> list[Slot]:
        """Those whose date is wanted. Raises GenerationError when they cannot be worked out."""
        try:
            days = filter(wanted, self.schedule.dates(self.first, self.last))
            return [self.schedule.slot(day) for day in days]
        except _NONSENSE as error:
            raise GenerationError(f"{type(error).__name__}: {error}") from error


def _facts(game: Game, first: date, last: date) -> _Facts:
    """Read after the caller has locked the game, if it is to be written.

    Raises GenerationError when the venue's zone or region, or the game's rule, makes no sense.
    """
    return _Known([game], first, last, _taken([game], first, last)).facts(game, first, last)


def _taken(games: list[Game], first: date, last: date) -> defaultdict[int, frozenset[date]]:
    """The dates from `first` to `last` that have their session, by game."""
    sessions = GameSession.objects.filter(game__in=[game.pk for game in games], slot_date__range=(first, last))
    # PostgreSQL gathers them: a row of Django's for each date is what a rerun would spend most on.
    dates = sessions.order_by().values_list("game_id").annotate(dates=ArrayAgg("slot_date"))
    return defaultdict(frozenset, ((game_id, frozenset(taken)) for game_id, taken in dates))


def _is_whole(game: Game, days: Sequence[date], taken: frozenset[date]) -> bool:
    """Whether there is nothing to write, whatever else there is to know: each day has its session, and is noted."""
    noted = game.generated_through is not None and game.generated_through >= days[-1] and not game.generation_error
    return noted and taken.issuperset(days)


class _Known:
    """What decides about games on the local dates `first` to `last`, read in one query a table; some are `taken`.

    Each of these tables is written under the lock of the game or followed by a settlement that waits for it, so
    that reading them one after the other misses nothing.
    """

    def __init__(self, games: list[Game], first: date, last: date, taken: Mapping[int, frozenset[date]]) -> None:
        ids = [game.pk for game in games]
        self.taken = taken
        self.venues = Venue.objects.order_by().in_bulk({game.venue_id for game in games})
        exceptions = GameDate.objects.filter(game__in=ids, date__range=(first, last)).order_by()
        self.exceptions = _by_owner(exceptions.values_list("game_id", "kind", "date", "reason"))
        closures = Closure.objects.filter(venue__in=self.venues, first_date__lte=last, last_date__gte=first)
        self.closures = _by_owner(closures.values_list("venue_id", "first_date", "last_date", "reason"))

    def facts(self, game: Game, first: date, last: date) -> _Facts:
        """Raises GenerationError when the venue's zone or region, or the game's rule, makes no sense."""
        venue = self.venues[game.venue_id]
        try:
            schedule = self._schedule(game, venue)
        except _NONSENSE as error:
            raise GenerationError(f"{type(error).__name__}: {error}") from error
        return _Facts(game, venue, schedule, self.taken[game.pk], first, last)

    def _schedule(self, game: Game, venue: Venue) -> Schedule:
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


def _by_owner(rows: Iterable[tuple[Any, ...]]) -> defaultdict[int, list[tuple[Any, ...]]]:
    """Rows without their first value, by that value."""
    owned: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for owner, *row in rows:
        owned[owner].append(tuple(row))
    return owned


@dataclass(frozen=True, slots=True)
class _Filling:
    """The sessions that a game lacks, and how far it is settled with them."""

    game: Game
    missing: list[NewSession]
    through: date | None


def _filling(facts: _Facts, days: Sequence[date], now: datetime) -> _Filling:
    """Raises GenerationError when the game's slots cannot be worked out."""
    return _Filling(facts.game, _missing(facts, days, now), _settled_through(facts.game, days, facts.today(now)))


def _write(fillings: list[_Filling]) -> None:
    _insert([session for filling in fillings for session in filling.missing])
    moved: defaultdict[date | None, list[int]] = defaultdict(list)
    for filling in fillings:
        if filling.through != filling.game.generated_through or filling.game.generation_error:
            moved[filling.through].append(filling.game.pk)
    for through, games in moved.items():
        Game.objects.filter(pk__in=games).update(generated_through=through, generation_error="")


def _missing(facts: _Facts, days: Iterable[date], now: datetime) -> list[NewSession]:
    """Raises GenerationError when the slots cannot be worked out."""
    wanted = set(days) - facts.taken
    slots = facts.slots(wanted.__contains__) if wanted else []
    return [
        NewSession(
            game_id=facts.game.pk,
            slot_date=slot.date,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            timezone=facts.schedule.zone.key,
            updated_at=now,
        )
        for slot in slots
        if slot.starts_at and slot.ends_at
    ]


def _insert(sessions: list[NewSession]) -> None:
    # Whoever lost a race to write the same slot inserts nothing and raises nothing.
    NewSession.objects.bulk_create(sessions, ignore_conflicts=True)


def _settled_through(game: Game, days: Sequence[date], today: date) -> date | None:
    """The last date up to which every slot is settled, once `days` are.

    Days before today need no settling. Days beyond a gap do not count.
    """
    through = max(game.generated_through or date.min, today - timedelta(1))
    settled = set(days)
    while through + timedelta(1) in settled:
        through += timedelta(1)
    return through if through >= today else game.generated_through


class _Settlement:
    """One pass over the sessions of a game that have not begun."""

    def __init__(self, game: Game, facts: _Facts, slots: list[Slot], now: datetime, horizon: date) -> None:
        self.game = game
        self.facts = facts
        self.slots = {slot.date: slot for slot in slots}
        self.now = now
        self.horizon = horizon

    def apply(self, sessions: list[GameSession], today: date, reach: date) -> Changes:
        archived = self.game.status == Game.Status.ARCHIVED
        changes = Changes()
        changed: list[GameSession] = []
        removed: list[int] = []
        for session in sessions:
            slot = self.slots.get(session.slot_date)
            if _by_hand(session):
                changes += _staying(session)
                if _flag(session, off_rule=slot is None, now=self.now):
                    changed.append(session)
            elif slot is None or archived:
                removed.append(session.pk)
            else:
                outcome = self._follow(session, slot)
                if outcome:
                    changes += outcome
                    changed.append(session)
        GameSession.objects.bulk_update(changed, [*_FOLLOWED, "off_rule", "sequence", "updated_at"])
        GameSession.objects.filter(pk__in=removed).delete()
        return changes + Changes(removed=len(removed), created=self._fill(today, reach))

    def _follow(self, session: GameSession, slot: Slot) -> Changes | None:
        """Bring an untouched session in line with its slot; None when it is already."""
        wanted: dict[str, Any]
        if slot.skipped:
            wanted = {
                "status": GameSession.Status.CANCELLED,
                "cancel_reason": slot.skipped[:200],
                "cancelled_by": slot.cause,
            }
        elif slot.starts_at and slot.starts_at <= self.now:
            return None  # its new time has passed: tonight's game is played as it was announced
        else:
            wanted = {
                "starts_at": slot.starts_at,
                "ends_at": slot.ends_at,
                "timezone": self.facts.schedule.zone.key,
                "status": GameSession.Status.SCHEDULED,
                "cancel_reason": "",
                "cancelled_by": "",
            }
        differing = {name: value for name, value in wanted.items() if getattr(session, name) != value}
        if not differing and not session.off_rule:
            return None
        outcome = _outcome(differing)
        for name, value in differing.items():
            setattr(session, name, value)
        session.off_rule = False
        session.sequence += 1
        session.updated_at = self.now
        return outcome

    def _fill(self, today: date, reach: date) -> int:
        """Write what is missing from today on, and note how far the calendar is settled."""
        written = 0
        values: dict[str, Any] = {"generation_error": "", "holidays": HOLIDAYS}
        if self.facts.generated:
            missing = _missing(self.facts, [day for day in self.slots if today <= day <= reach], self.now)
            _insert(missing)
            written = len(missing)
            values["generated_through"] = self.horizon
        Game.objects.filter(pk=self.game.pk).update(**values)
        return written


def _by_hand(session: GameSession) -> bool:
    return session.edited or session.cancelled_by == GameSession.CancelledBy.STAFF


def _staying(session: GameSession) -> Changes:
    cancelled = session.status == GameSession.Status.CANCELLED
    return Changes(cancelled_stay=1) if cancelled else Changes(edited_stay=1)


def _flag(session: GameSession, *, off_rule: bool, now: datetime) -> bool:
    if session.off_rule == off_rule:
        return False
    session.off_rule = off_rule
    session.updated_at = now
    return True


def _outcome(differing: dict[str, Any]) -> Changes:
    if differing.get("status") == GameSession.Status.CANCELLED:
        return Changes(cancelled=1)
    if differing.get("status") == GameSession.Status.SCHEDULED:
        return Changes(restored=1)
    return Changes(moved=1)
