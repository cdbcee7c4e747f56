"""Group commit: the games that the threads of a worker process hand in, written in one transaction.

A thread hands in its game and waits; the one committer of the process takes every game that waits. So many games share
the price of a transaction, and a thread that waits needs no connection. Each thread acknowledges its own message,
after the commit.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import connection

from events import sessions
from workers.backing_services import PASSING_ERRORS
from workers.committer.in_hand import DEATHS, Deadly, forget_holders, give_back, take_in_hand
from workers.database_time import read_clocks

log = logging.getLogger(__name__)

#: How many games one transaction takes.
AT_MOST = 64

#: How long the committer waits for another game (seconds): about as long as a thread just served takes to come again.
LINGER = 0.002

#: How often a waiting thread wakes up (seconds): an order to stop does not reach it while it waits for a lock.
LOOK_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """A game and the days of its window. The outcome is how many sessions it lacked; None: it is to be tried alone."""

    game_id: int
    days: Sequence[date]
    now: datetime
    outcome: Future[int | None] = field(default_factory=Future)


class Committer:
    """The one committer of a process: a thread, started when it is first needed."""

    def __init__(self) -> None:
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.starting = threading.Lock()
        self.thread: threading.Thread | None = None
        self.apart = threading.Lock()

    def create(self, game_id: int, days: Sequence[date], now: datetime, *, apart: bool) -> int | None:
        """Write the missing sessions of a game, in one transaction with those of other games unless kept `apart`.

        Returns how many, once they are committed; None when there is no such game. Raises one of PASSING_ERRORS when
        the database is away, Deadly when too many processes died with the game, and for a game that is written alone
        whatever `events.sessions.create_sessions_for_games` does.
        """
        lacked = None if apart else self._create_together(game_id, days, now)
        if lacked is None:
            with self.alone(game_id):
                written = sessions.create_sessions_for_games({game_id: days}, now=_corrected(now), wait=True)
                lacked = written.get(game_id)
        return lacked

    def _create_together(self, game_id: int, days: Sequence[date], now: datetime) -> int | None:
        """None when the game is to be tried alone: a process died with it, or the batch left it out."""
        request = Request(game_id, days, now)
        self.requests.put(request)
        with self.starting:
            if self.thread is None or not self.thread.is_alive():  # a fork copies no threads
                self.thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self.thread.start()
        while not request.outcome.done():
            with suppress(TimeoutError):
                request.outcome.exception(timeout=LOOK_EVERY)
        return request.outcome.result()

    @contextmanager
    def alone(self, game_id: int) -> Iterator[None]:
        """Have a game in hand alone: one at a time, so that such games take one connection of the process.

        Raises Deadly when too many processes died with the game.
        """
        # A time limit of dramatiq that strikes a waiting thread is raised inside the block, so the lock is released.
        with self.apart:
            try:
                if take_in_hand([game_id])[game_id] >= DEATHS:
                    raise Deadly(f"{DEATHS} worker processes died with it in hand")
                try:
                    yield
                finally:
                    forget_holders([game_id])
            finally:
                if settings.DATABASE_POOL:
                    connection.close()  # back to the pool, before the next takes its own

    def _run(self) -> None:
        while True:
            batch: dict[int, Request] = {}
            request = self.requests.get()
            with suppress(Empty):
                while len(batch) < AT_MOST and request.game_id not in batch:
                    batch[request.game_id] = request
                    request = self.requests.get(timeout=LINGER)
                self.requests.put(request)  # its game is in this batch already, or there is no room
            _serve(list(batch.values()))


def _serve(batch: list[Request]) -> None:
    """Give every request its outcome: a game that a process died with is left to its thread, the others are written."""
    try:
        deaths = take_in_hand([request.game_id for request in batch])
        suspects = [request for request in batch if deaths[request.game_id]]
        give_back([request.game_id for request in suspects])
        _commit([request for request in batch if request not in suspects])
        for request in suspects:
            request.outcome.set_result(None)
    except BaseException as error:
        log.exception("The committer could not serve %d games", len(batch))
        for request in batch:
            if not request.outcome.done():
                request.outcome.set_exception(error)


def _commit(batch: list[Request]) -> None:
    """Write the sessions that the games lack, then give the requests their outcomes."""
    if not batch:
        return
    lacked: dict[int, int] = {}
    broken: Exception | None = None
    try:
        windows = {request.game_id: request.days for request in batch}
        lacked = sessions.create_sessions_for_games(windows, now=_corrected(max(request.now for request in batch)))
    except PASSING_ERRORS as error:
        broken = error
    except Exception as error:  # tried alone, the game whose fault it is will show
        log.warning("%d games could not be written together: %s", len(batch), error)
    finally:
        connection.close()  # back to the pool, which checks whether it still works
    forget_holders([request.game_id for request in batch])
    for request in batch:
        if broken:
            request.outcome.set_exception(broken)
        else:
            request.outcome.set_result(lacked.get(request.game_id))


def _corrected(now: datetime) -> datetime:
    """`now`, without the error of this process's clock: a year ahead, every night to come would be over."""
    return now - read_clocks().ahead


committer = Committer()
