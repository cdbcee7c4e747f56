"""Group commit: the games that the threads of a worker process have in hand, written in one transaction.

A thread hands in its game and waits; one committer a process takes all that wait. So the price of a transaction is
paid once for many games, and a thread that waits needs no connection. A message is acknowledged by its own thread,
which is after the commit.

The committer also keeps account of who dies: a game that ends its worker process comes back with its message, would
end the next one, and so on. From its second time on a game is worked on alone, and after the third death not at all.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from queue import Empty, SimpleQueue

from django.db import OperationalError, connection
from redis.exceptions import RedisError

from events import sessions
from workers.broker import broker

log = logging.getLogger(__name__)

#: How many games one transaction takes.
AT_MOST = 64

#: How long the committer waits for company (seconds): about what threads just served take to come again.
LINGER = 0.002

#: How many worker processes may die with one game in hand.
DEATHS = 3


class Deadly(Exception):
    """So many worker processes died with a game in hand that it shall end no other."""


@dataclass(frozen=True, slots=True)
class Request:
    """A game and the days of its window. The outcome is how many sessions it lacked, None if it was left alone."""

    game_id: int
    days: list[date]
    now: datetime
    outcome: Future[int | None] = field(default_factory=Future)


class Committer:
    """The one committer of a process: a thread, started when it is first needed."""

    def __init__(self) -> None:
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.starting = threading.Lock()
        self.thread: threading.Thread | None = None
        #: Held by whoever works on a game apart from the others, so that only one connection is taken for such.
        self.alone = threading.Lock()

    def create(self, game_id: int, days: list[date], now: datetime) -> int | None:
        """Write the missing sessions of a game together with others'; returns how many, once they are committed.

        None when the game was left alone: `events.sessions.create_sessions_for_games` says when. Raises Deadly, and
        OperationalError when the database is away.
        """
        request = Request(game_id, days, now)
        self.requests.put(request)
        with self.starting:
            if self.thread is None or not self.thread.is_alive():  # nor does a thread survive a fork
                self.thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self.thread.start()
        return request.outcome.result()

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
    """Work on the games, those with a death on their account one by one. Every request gets an outcome."""
    try:
        deaths = _take(batch)
        suspects = [request for request in batch if deaths[request.game_id]]
        _put_back(suspects)
        _commit([request for request in batch if request not in suspects])
        for request in suspects:
            if deaths[request.game_id] >= DEATHS:
                _acquit([request])
                said = f"{DEATHS} worker processes died with it in hand"
                request.outcome.set_exception(Deadly(said))
            else:
                _take([request])
                _commit([request])
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
    broken: OperationalError | None = None
    try:
        windows = {request.game_id: request.days for request in batch}
        lacked = sessions.create_sessions_for_games(windows, now=max(request.now for request in batch))
    except OperationalError as error:
        broken = error
    except Exception as error:  # whichever game's fault it is, alone it will be seen
        log.warning("%d games could not be written together: %s", len(batch), error)
    finally:
        connection.close()  # back to the pool, which looks whether it still works
    _acquit(batch)
    for request in batch:
        if broken:
            request.outcome.set_exception(broken)
        else:
            request.outcome.set_result(lacked.get(request.game_id))


# --- Who died with what in hand ---------------------------------------------------------------------------


def _account() -> str:
    """The hash that counts, by game, the worker processes that took it in hand and have not put it down."""
    return f"{broker().namespace}:deaths"


def _take(batch: list[Request]) -> dict[int, int]:
    """Take games in hand; returns how many processes died with each so far. Without Redis nobody can say."""
    games = [request.game_id for request in batch]
    try:
        pipe = broker().client.pipeline(transaction=False)
        pipe.hmget(_account(), games)
        for game in games:
            pipe.hincrby(_account(), game, 1)
        before = pipe.execute()[0]
    except RedisError as error:
        log.warning("Nobody keeps account of %d games: %s", len(games), error)
        before = [0] * len(games)
    return {game: int(deaths or 0) for game, deaths in zip(games, before, strict=True)}


def _put_back(batch: list[Request]) -> None:
    """Put down games that were not worked on."""
    with suppress(RedisError):
        pipe = broker().client.pipeline(transaction=False)
        for request in batch:
            pipe.hincrby(_account(), request.game_id, -1)
        pipe.execute()


def _acquit(batch: list[Request]) -> None:
    """Put down games that have done no harm. Should Redis be away, they are worked on alone the next time."""
    with suppress(RedisError):
        broker().client.hdel(_account(), *[request.game_id for request in batch])


committer = Committer()
