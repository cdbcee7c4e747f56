"""Group commit: the games that the threads of a worker process have in hand, written in one transaction.

A thread hands in its game and waits; one committer a process takes all that wait. So the price of a transaction is
paid once for many games, and a thread that waits needs no connection. A message is acknowledged by its own thread,
which is after the commit.

A game that ends its worker process comes back with its message, would end the next one, and so on. So it is noted who
has which game in hand: one that a process died with is worked on alone, and after the third death not at all.
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
from typing import Any

from django.conf import settings
from django.db import connection
from dramatiq.common import current_millis
from redis.exceptions import RedisError

from events import sessions
from workers.backing_services import PASSING_ERRORS
from workers.broker import broker

log = logging.getLogger(__name__)

#: How many games one transaction takes.
AT_MOST = 64

#: How long the committer waits for company (seconds): about what threads just served take to come again.
LINGER = 0.002

#: How many worker processes may die with one game in hand.
DEATHS = 3

#: A process that Redis has not heard of for so long (ms) is dead. One that lives asks for messages all the time.
SILENT = 10_000

#: How often a thread that waits looks whether it is to stop (seconds): nothing reaches it while it waits for a lock.
LOOK_EVERY = 1.0


class Deadly(Exception):
    """So many worker processes died with a game in hand that it shall end no other."""


@dataclass(frozen=True, slots=True)
class Request:
    """A game and the days of its window. The outcome is how many sessions it lacked, None if it was left."""

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

    def create(self, game_id: int, days: Sequence[date], now: datetime) -> int | None:
        """Write the missing sessions of a game together with others'; returns how many, once they are committed.

        None when the game is to be tried alone: a process died with it, or `events.sessions.create_sessions_for_games`
        left it. Raises one of PASSING_ERRORS when the database is away.
        """
        request = Request(game_id, days, now)
        self.requests.put(request)
        with self.starting:
            if self.thread is None or not self.thread.is_alive():  # nor does a thread survive a fork
                self.thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self.thread.start()
        while not request.outcome.done():
            with suppress(TimeoutError):
                request.outcome.exception(timeout=LOOK_EVERY)
        return request.outcome.result()

    @contextmanager
    def alone(self, game_id: int) -> Iterator[None]:
        """Have a game in hand apart from the others: one at a time, so that only one connection is taken for such.

        Raises Deadly.
        """
        with self.apart:  # dramatiq's time limit, struck while one waits, is raised only inside: so it is given back
            try:
                if _take([game_id])[game_id] >= DEATHS:
                    raise Deadly(f"{DEATHS} worker processes died with it in hand")
                try:
                    yield
                finally:
                    put_down([game_id])
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
    """Work on the games; those that a process died with are left to their threads. Every request gets an outcome."""
    try:
        deaths = _take([request.game_id for request in batch])
        suspects = [request for request in batch if deaths[request.game_id]]
        _give_back([request.game_id for request in suspects])
        _commit([request for request in batch if request not in suspects])
        for request in suspects:
            request.outcome.set_result(None)
    except BaseException as error:
        log.exception("The committer could not serve %d games", len(batch))
        for request in batch:
            if not request.outcome.done():
                request.outcome.set_exception(error)


def _commit(batch: list[Request]) -> None:
    """Write what the games lack, and tell the threads that wait."""
    if not batch:
        return
    lacked: dict[int, int] = {}
    broken: Exception | None = None
    try:
        windows = {request.game_id: request.days for request in batch}
        lacked = sessions.create_sessions_for_games(windows, now=max(request.now for request in batch))
    except PASSING_ERRORS as error:
        broken = error
    except Exception as error:  # whichever game's fault it is, alone it will be seen
        log.warning("%d games could not be written together: %s", len(batch), error)
    finally:
        connection.close()  # back to the pool, which looks whether it still works
    put_down([request.game_id for request in batch])
    for request in batch:
        if broken:
            request.outcome.set_exception(broken)
        else:
            request.outcome.set_result(lacked.get(request.game_id))


# --- Who has what in hand ---------------------------------------------------------------------------------


def _hands() -> str:
    """The hash that has, by game, the ids of the processes that took it in hand and have not put it down."""
    return f"{broker().namespace}:hands"


def _take(games: list[int]) -> dict[int, int]:
    """Take games in hand; returns how many processes died with each. Without Redis nobody can say.

    Of two processes that take one game in the same moment one may go unnoticed: then it is tried once more.
    """
    client: Any = broker().client
    me = broker().broker_id
    try:
        pipe = client.pipeline(transaction=False)
        pipe.hmget(_hands(), games)
        pipe.hset(_hands(), mapping=dict.fromkeys(games, me))
        before = dict(zip(games, pipe.execute()[0], strict=True))
        others = {game: [who for who in ids.decode().split(",") if who != me] for game, ids in before.items() if ids}
        if not any(others.values()):
            return dict.fromkeys(games, 0)
        client.hset(_hands(), mapping={game: ",".join([*whose, me]) for game, whose in others.items()})
        gone = _gone({who for whose in others.values() for who in whose})
        return {game: len(gone.intersection(others.get(game, ()))) for game in games}
    except RedisError as error:
        log.warning("Nobody notes who has %d games in hand: %s", len(games), error)
        return dict.fromkeys(games, 0)


def _gone(processes: set[str]) -> set[str]:
    """Those that Redis has not heard of for a while."""
    ids = sorted(processes)
    heard: Any = broker().client.zmscore(f"{broker().namespace}:__heartbeats__", ids)
    alive_since = current_millis() - SILENT
    return {who for who, at in zip(ids, heard, strict=True) if at is None or at < alive_since}


def _give_back(games: list[int]) -> None:
    """Put down games that were not worked on; who died with them is still known."""
    client: Any = broker().client
    me = broker().broker_id
    with suppress(RedisError):
        held = dict(zip(games, client.hmget(_hands(), games), strict=True)) if games else {}
        for game, ids in held.items():
            client.hset(_hands(), game, ",".join(who for who in (ids or b"").decode().split(",") if who != me))


def put_down(games: list[int]) -> None:
    """Put down games that have done no harm. Should Redis be away, they are worked on alone the next time."""
    if games:
        with suppress(RedisError):
            broker().client.hdel(_hands(), *games)


committer = Committer()
