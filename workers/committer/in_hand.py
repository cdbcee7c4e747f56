"""The account, in Redis, of which worker process has which game in hand.

A game that ends its worker process comes back with its message, would end the next one, and so on. The account tells
how many processes died with a game: after one death the game is worked on alone, after the third not at all.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from dramatiq.common import current_millis
from redis.exceptions import RedisError

from workers.broker import broker

log = logging.getLogger(__name__)

#: How many worker processes may die with one game in hand.
DEATHS = 3

#: A process that Redis has not heard of for so long (ms) is dead. One that lives asks for messages all the time.
SILENT = 10_000


class Deadly(Exception):
    """So many worker processes died with a game in hand that it shall end no other."""


def key() -> str:
    """The key of the hash in Redis that has, by game, the ids of the processes that hold it or died with it."""
    return f"{broker().namespace}:hands"


def take_in_hand(games: list[int]) -> dict[int, int]:
    """Note that this process has the games in hand. Returns how many processes died with each; 0 without Redis.

    When two processes take one game in the same moment, the note of one may be lost: its death does not count.
    """
    client: Any = broker().client
    me = broker().broker_id
    try:
        pipe = client.pipeline(transaction=False)
        pipe.hmget(key(), games)
        pipe.hset(key(), mapping=dict.fromkeys(games, me))
        before = dict(zip(games, pipe.execute()[0], strict=True))
        others = {game: [who for who in ids.decode().split(",") if who != me] for game, ids in before.items() if ids}
        if not any(others.values()):
            return dict.fromkeys(games, 0)
        client.hset(key(), mapping={game: ",".join([*whose, me]) for game, whose in others.items()})
        dead = _dead({who for whose in others.values() for who in whose})
        return {game: len(dead.intersection(others.get(game, ()))) for game in games}
    except RedisError as error:
        log.warning("Nobody notes who has %d games in hand: %s", len(games), error)
        return dict.fromkeys(games, 0)


def _dead(processes: set[str]) -> set[str]:
    """The processes that Redis has not heard of for a while."""
    ids = sorted(processes)
    heard: Any = broker().client.zmscore(f"{broker().namespace}:__heartbeats__", ids)
    alive_since = current_millis() - SILENT
    return {who for who, at in zip(ids, heard, strict=True) if at is None or at < alive_since}


def give_back(games: list[int]) -> None:
    """Note that this process has not worked on the games; the processes that died with them stay noted."""
    client: Any = broker().client
    me = broker().broker_id
    with suppress(RedisError):
        held = dict(zip(games, client.hmget(key(), games), strict=True)) if games else {}
        for game, ids in held.items():
            client.hset(key(), game, ",".join(who for who in (ids or b"").decode().split(",") if who != me))


def forget_holders(games: list[int]) -> None:
    """Forget every process that had the games in hand or died with them: the next one to take them begins anew.

    If Redis is away, the notes stay, and once this process has ended the games are worked on alone.
    """
    if games:
        with suppress(RedisError):
            broker().client.hdel(key(), *games)
