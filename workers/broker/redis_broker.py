"""Dramatiq's Redis broker as this project needs it: its client, its prefetch, its batches, readings of its queues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, cast
from uuid import uuid4

import dramatiq
from django.conf import settings
from dramatiq import Message, Middleware, get_broker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis, dq_name

from workers.broker.connection import connect
from workers.broker.consumer import Consumer
from workers.game_message import QUEUE

#: Messages of games that a worker process takes ahead of their turn: with two a thread it waits on Redis more than it
#: works.
GAMES_AHEAD = 64

#: Messages that one round trip carries in a fan-out: enough to make its cost small, few enough to stay bounded.
BATCH = 500

#: Out of a million commands, how many look for messages of dead workers. The library's 1,000 can leave them
#: lying for minutes on a quiet queue.
MAINTENANCE_CHANCE = 20_000


class Broker(RedisBroker):
    """The broker of this project; `broker()` is the process's own."""

    def __init__(self, *, redis_url: str, heartbeat_seconds: int, middleware: list[Middleware]) -> None:
        #: The messages of each queue that this process has taken and not acknowledged yet, by their ids in Redis.
        self.held: dict[str, set[str]] = {}
        super().__init__(  # type: ignore[no-untyped-call]  # dramatiq left it untyped
            client=connect(redis_url),  # with url=, RedisBroker would ignore every other connection option
            middleware=middleware,
            heartbeat_timeout=heartbeat_seconds * 1000,
            maintenance_chance=MAINTENANCE_CHANCE,
        )

    @property
    def consumer_class(self) -> type[dramatiq.Consumer]:
        return Consumer

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:
        """Take messages of a queue, as many ahead of their turn as suits the queue.

        Messages of games are short, and a process takes many at a time. Other jobs may be long: a process takes only
        as many as it has connections for, beside two for the clock and two for games. So the ticks go on however many
        long jobs there are, and no job lies in a busy process while another process is idle.
        """
        threads = prefetch // 2  # dramatiq offers two a thread
        jobs = (settings.DATABASE_POOL or threads) - 4
        ahead = {QUEUE: GAMES_AHEAD, "clock": 2, "default": max(1, jobs)}.get(queue_name, prefetch)
        return super().consume(queue_name, prefetch=ahead, timeout=timeout)

    def delayed(self, message: Message[Any], seconds: float) -> Message[Any]:
        """The message made to start `seconds` from now; the message itself when that is now or past."""
        if seconds <= 0.01:
            return message
        eta = current_millis() + round(seconds * 1000)
        return message.copy(queue_name=dq_name(message.queue_name), options={"eta": eta})

    def enqueue_all(self, messages: Iterable[Message[Any]]) -> int:
        """Enqueue messages, a batch at a time; returns how many.

        Each batch does what the library's script does for one message: it writes the data to the queue's hash and
        the id to the queue's list, both or neither. Raises redis.exceptions.RedisError; earlier batches are then sent.
        """
        sent = 0
        for batch in _batches(messages):
            pipe = self.client.pipeline(transaction=True)
            for queue, entries in _by_queue(batch).items():
                pipe.hset(f"{self.namespace}:{queue}.msgs", mapping=entries)
                pipe.rpush(f"{self.namespace}:{queue}", *entries)
            pipe.execute()
            sent += len(batch)
        return sent

    def backlog(self, queue: str) -> int:
        """How many messages of a queue are waiting, delayed or being worked on."""
        pipe = self.client.pipeline(transaction=False)
        for name in (queue, dq_name(queue)):
            pipe.hlen(f"{self.namespace}:{name}.msgs")
        return sum(pipe.execute())

    def backlogs(self) -> dict[str, int]:
        """The backlog of every queue that has an actor, in one round trip."""
        queues = sorted(self.get_declared_queues())
        pipe = self.client.pipeline(transaction=False)
        for queue in queues:
            pipe.hlen(f"{self.namespace}:{queue}.msgs")
            pipe.hlen(f"{self.namespace}:{dq_name(queue)}.msgs")
        counts = pipe.execute()
        return {queue: sum(counts[2 * n : 2 * n + 2]) for n, queue in enumerate(queues)}

    def waiting(self, queue: str) -> int:
        """How many messages of a queue no worker has taken yet."""
        return int(self.client.llen(f"{self.namespace}:{queue}"))

    def is_behind(self, queue: str, since: datetime) -> bool:
        """Whether a message that was to run before `since` (aware) still waits for a worker.

        A message that has only just come is no sign of it: every full minute brings one.
        """
        first: Any = self.client.lindex(f"{self.namespace}:{queue}", 0)
        data: Any = first and self.client.hget(f"{self.namespace}:{queue}.msgs", first)
        if not data:
            return False
        message = Message.decode(data)
        return bool(max(message.message_timestamp, message.options.get("eta", 0)) < since.timestamp() * 1000)

    def dead_letters(self, queue: str, most: int) -> dict[bytes, bytes]:
        """The `most` oldest messages of a queue that dramatiq gave up, by their keys in Redis."""
        keys: Any = self.client.zrange(f"{self.namespace}:{queue}.XQ", 0, most - 1)
        data: Any = self.client.hmget(f"{self.namespace}:{queue}.XQ.msgs", keys) if keys else []
        return {key: value or b"" for key, value in zip(keys, data, strict=True)}

    def drop_dead_letters(self, queue: str, keys: Iterable[bytes]) -> None:
        """Delete messages that dramatiq gave up."""
        keys = list(keys)
        pipe = self.client.pipeline(transaction=True)
        pipe.zrem(f"{self.namespace}:{queue}.XQ", *keys)
        pipe.hdel(f"{self.namespace}:{queue}.XQ.msgs", *keys)
        pipe.execute()


def broker() -> Broker:
    """The process's broker, which django_dramatiq made from the settings."""
    return cast(Broker, get_broker())


def _batches(messages: Iterable[Message[Any]]) -> Iterator[list[Message[Any]]]:
    iterator = iter(messages)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _by_queue(messages: list[Message[Any]]) -> dict[str, dict[Any, Any]]:
    queues: dict[str, dict[Any, Any]] = {}
    for message in messages:
        key = str(uuid4())
        entry = message.copy(options={"redis_message_id": key}).encode()
        queues.setdefault(message.queue_name, {})[key] = entry
    return queues
