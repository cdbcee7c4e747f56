"""Sixteen who work on the calendar of one game at once, for half a minute."""

import time as clock
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from random import Random
from threading import Barrier, Lock, Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.db.models import Q

from events import sessions
from events.models import Closure, Game, GameDate, GameSession, Venue
from events.slots import localise
from tests.factories import make_game, make_venue

pytestmark = pytest.mark.django_db(transaction=True)

THREADS, SECONDS = 16, 30
NOW = datetime(2026, 3, 10, 13, tzinfo=ZoneInfo("Australia/Sydney"))
TODAY = date(2026, 3, 10)
AHEAD = 28
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ZONES = ["Australia/Sydney", "Australia/Perth", "Pacific/Auckland"]


class Crew:
    """Does what staff and workers do, at random, and remembers what must last.

    A third of the dates is only ever cancelled by hand, a third only moved, and the rest takes everything.
    """

    def __init__(self, game: Game) -> None:
        self.game_id, self.venue_id = game.pk, game.venue_id
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.errors: list[Exception] = []
        self.cancelled: set[int] = set()
        self.moves: dict[int, set[datetime]] = defaultdict(set)
        self.lock = Lock()

    def work(self, seed: int, start: Barrier) -> None:
        random = Random(seed)
        acts: list[Callable[[Random], None]] = [
            *[self.generate] * 4,
            *[self.cancel, self.move, self.restore, self.edit, self.except_a_date] * 2,
            *[self.replace_exceptions, self.lift_exceptions, self.close, self.open, self.edit_venue, self.pause],
        ]
        try:
            start.wait()
            end = clock.monotonic() + SECONDS
            while clock.monotonic() < end:
                self.attempt(random.choice(acts), random)
        finally:
            connection.close()

    def attempt(self, act: Callable[[Random], None], random: Random) -> None:
        """What a person would be told about is counted; anything else is an error."""
        try:
            act(random)
        except (ValidationError, GameSession.DoesNotExist, GameDate.DoesNotExist):
            self.refused[act.__name__] += 1
        except Exception as error:
            self.errors.append(error)
        else:
            self.done[act.__name__] += 1

    # --- What they do

    def generate(self, random: Random) -> None:
        first = TODAY + timedelta(random.choice([0, 0, 7, 35]))
        sessions.create_sessions_for_game(self.game, sessions.window(first, first + timedelta(AHEAD)), now=NOW)

    def cancel(self, random: Random) -> None:
        session = self.any_session(random, kinds=(0, 2))
        sessions.cancel(session.pk, "dealer ill", now=NOW)
        if kind(session) == 0:
            with self.lock:
                self.cancelled.add(session.pk)

    def move(self, random: Random) -> None:
        session = self.any_session(random, kinds=(1, 2))
        starts_at = session.starts_at + timedelta(minutes=random.randint(-90, 90))
        sessions.move(session.pk, starts_at, now=NOW)
        if kind(session) == 1:
            with self.lock:
                self.moves[session.pk].add(starts_at)

    def restore(self, random: Random) -> None:
        sessions.restore(self.any_session(random, kinds=(2,)).pk, now=NOW)

    def edit(self, random: Random) -> None:
        game = self.game
        game.start_time = time(random.randint(16, 21), 30)
        game.duration_minutes = random.choice([180, 240])
        game.weekdays = random.sample(WEEKDAYS, 6)
        game.holiday_policy = random.choice(["run", "skip"])
        game.save(now=NOW)

    def pause(self, random: Random) -> None:
        game = self.game
        game.status = "paused" if game.status == "active" else "active"
        game.save(now=NOW)

    def except_a_date(self, random: Random) -> None:
        try:
            GameDate(game_id=self.game_id, date=a_date(random), kind=random.choice(["exclude", "add"])).save(now=NOW)
        except IntegrityError as error:  # as a form says: there is one of that date already
            raise ValidationError("one_exception_a_date") from error

    def replace_exceptions(self, random: Random) -> None:
        rows = [GameDate(date=day, kind="exclude") for day in {a_date(random) for _ in range(3)}]
        self.game.save(now=NOW, exceptions=rows)

    def lift_exceptions(self, random: Random) -> None:
        for row in GameDate.objects.filter(game=self.game_id)[:2]:
            row.delete(now=NOW)

    def close(self, random: Random) -> None:
        first = a_date(random)
        last = first + timedelta(random.randint(0, 3))
        Closure(venue_id=self.venue_id, first_date=first, last_date=last, reason="flood").save(now=NOW)

    def open(self, random: Random) -> None:
        for closure in Closure.objects.filter(venue=self.venue_id).order_by("pk")[:2]:
            closure.delete(now=NOW)

    def edit_venue(self, random: Random) -> None:
        venue = Venue.objects.get(pk=self.venue_id)
        venue.timezone = random.choice(ZONES)
        venue.slug = f"venue-{random.randint(1, 9)}"
        venue.save(now=NOW)

    @property
    def game(self) -> Game:
        return Game.objects.get(pk=self.game_id)

    def any_session(self, random: Random, kinds: tuple[int, ...]) -> GameSession:
        found = [row for row in GameSession.objects.filter(game=self.game_id) if kind(row) in kinds]
        if not found:
            raise GameSession.DoesNotExist
        return random.choice(found)


def kind(session: GameSession) -> int:
    return session.slot_date.toordinal() % 3


def a_date(random: Random) -> date:
    return TODAY + timedelta(random.randint(1, 40))


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select pg_stat_clear_snapshot()")
        cursor.execute("select deadlocks from pg_stat_database where datname = current_database()")
        return int(cursor.fetchone()[0])


def calendar() -> list[Any]:
    return list(GameSession.objects.order_by("pk").values())


@pytest.fixture(autouse=True)
def _horizon(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = AHEAD


def test_sixteen_at_once_leave_a_calendar_that_is_right() -> None:
    game = make_game(make_venue(holiday_region="AU-NSW"), recurrence="weekly", weekdays=WEEKDAYS)
    before = deadlocks()
    crew, start = Crew(game), Barrier(THREADS)

    threads = [Thread(target=crew.work, args=(seed, start)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Nobody was told of anything but what they had asked for wrongly, and everybody got something done.
    assert crew.errors == []
    assert deadlocks() == before
    assert len(crew.done) == 12
    assert min(crew.done.values()) >= 5, crew.done

    # Each slot once.
    rows = calendar()
    assert len({row["slot_date"] for row in rows}) == len({row["uid"] for row in rows}) == len(rows)

    # What was done by hand is as it was left.
    assert len(crew.cancelled) >= 5
    assert len(crew.moves) >= 5
    by_id = {row["id"]: row for row in rows}
    for pk in crew.cancelled:
        assert (by_id[pk]["status"], by_id[pk]["cancelled_by"]) == ("cancelled", "staff")
    for pk, moves in crew.moves.items():
        # It stays at the wall-clock time that was said, in whatever zone the venue was then and is now.
        row, said = by_id[pk], {at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in moves for zone in ZONES}
        assert row["edited"]
        assert datetime.combine(row["moved_date"], row["moved_time"]) in said
        assert row["starts_at"] == localise(row["moved_date"], row["moved_time"], ZoneInfo(row["timezone"]))[0]

    # Settling it once more changes nothing.
    sessions.settle(Q(pk=game.pk), now=NOW)
    assert calendar() == rows

    # And once it is active, every date that is to be played is, the untouched ones when the rule says.
    game.refresh_from_db()
    game.status = "active"
    game.save(now=NOW)
    written = {row.slot_date: row for row in GameSession.objects.all()}
    for slot in sessions.preview(crew.game, AHEAD, now=NOW):
        row = written.get(slot.date)
        assert row or slot.skipped, slot
        if row and not (row.edited or row.cancelled_by == "staff"):
            assert (row.status == "cancelled") is bool(slot.skipped)
            assert slot.skipped or (row.starts_at, row.ends_at) == (slot.starts_at, slot.ends_at)
