"""The Redis broker set on purpose, and the watchdog of a worker process."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, cast
from uuid import uuid4

import redis
from django.conf import settings
from dramatiq import Consumer, Message, Middleware, Worker, get_broker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis, dq_name
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from workers import consumer

log = logging.getLogger(__name__)

#: Messages of games that a worker process takes ahead of their turn: with two a thread it waits on Redis more than it
#: works.
GAMES_AHEAD = 64

#: Messages that one round trip carries in a fan-out: enough to make its cost small, few enough to stay bounded.
BATCH = 500

#: Out of a million commands, how many look for messages of dead workers. The library's 1,000 can leave them
#: lying for minutes on a quiet queue.
MAINTENANCE_CHANCE = 20_000


#: How many connections a client has at most: those of all processes must fit into what a small plan of Redis allows.
CONNECTIONS = 5


def connect(url: str, *, patience: float = 10, retries: int = 4) -> redis.Redis:
    """A client that gives up on a silent server, tries again with backoff, and notices a dead connection.

    Heroku's Redis presents a self-signed chain: with `rediss://` the link is encrypted, the peer not verified.
    """
    options: dict[str, Any] = {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=patience * (retries + 1),  # as long as the one who has it may take
        socket_connect_timeout=min(patience, 5),  # seconds
        socket_timeout=patience,
        **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        health_check_interval=30,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1), retries=retries),
        **(options if url.startswith("rediss:") else {}),
    )
    return redis.Redis.from_pool(pool)


class Broker(RedisBroker):
    """Dramatiq's Redis broker with a client of our own and a fan-out in batches."""

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
    def consumer_class(self) -> type[Consumer]:
        return consumer.Consumer

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """Take messages of a queue, no more ahead of their turn than suits it.

        Those of games are short, and are taken many at a time. Those of other jobs may be long: a process takes only
        as many as it has connections for, beside two for the clock and two for games, so that however many long jobs
        there are, ticks go on, and none lies in a busy process while another is idle.
        """
        threads = prefetch // 2  # dramatiq offers two a thread
        jobs = (settings.DATABASE_POOL or threads) - 4
        ahead = {"games": GAMES_AHEAD, "clock": 2, "default": max(1, jobs)}.get(queue_name, prefetch)
        return super().consume(queue_name, prefetch=ahead, timeout=timeout)

    def delayed(self, message: Message[Any], seconds: float) -> Message[Any]:
        """The message as it is enqueued to start `seconds` from now; as it is when that is now or past."""
        if seconds <= 0.01:
            return message
        eta = current_millis() + round(seconds * 1000)
        return message.copy(queue_name=dq_name(message.queue_name), options={"eta": eta})

    def enqueue_all(self, messages: Iterable[Message[Any]]) -> int:
        """Enqueue messages, a batch at a time; returns how many.

        A batch is what the library's script does for one message: its data into the queue's hash, its id onto
        the queue's list, both or neither. Raises redis.exceptions.RedisError; earlier batches are then sent.
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

        A message that has only just come says nothing: there is one at every full minute.
        """
        first: Any = self.client.lindex(f"{self.namespace}:{queue}", 0)
        data: Any = first and self.client.hget(f"{self.namespace}:{queue}.msgs", first)
        if not data:
            return False
        message = Message.decode(data)
        return bool(max(message.message_timestamp, message.options.get("eta", 0)) < since.timestamp() * 1000)

    def dead_letters(self, queue: str, most: int) -> dict[bytes, bytes]:
        """The oldest messages of a queue that were given up, by the keys that they are kept under."""
        keys: Any = self.client.zrange(f"{self.namespace}:{queue}.XQ", 0, most - 1)
        data: Any = self.client.hmget(f"{self.namespace}:{queue}.XQ.msgs", keys) if keys else []
        return {key: value or b"" for key, value in zip(keys, data, strict=True)}

    def forget(self, queue: str, keys: Iterable[bytes]) -> None:
        """Drop messages that were given up."""
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


class Watchdog(Middleware):
    """Ends a worker process one of whose threads has died, so that the platform starts a new one.

    Dramatiq 2.2 does not restart them: a Redis that stalls, or that turns read-only for a moment, kills the
    consumer thread of the delayed messages, and the process would go on without it for ever.
    """

    interval = 5.0  # seconds
    mercy = 20.0  # seconds to finish what is running

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.stopped = threading.Event()

    def after_worker_boot(self, broker: Any, worker: Worker) -> None:
        _take_one_sigterm()
        threading.Thread(target=self._watch, args=(worker,), name="watchdog", daemon=True).start()

    def before_worker_shutdown(self, broker: Any, worker: Worker) -> None:
        self.stopping.set()

    def after_worker_shutdown(self, broker: Any, worker: Worker) -> None:
        self.stopped.set()

    def _watch(self, worker: Worker) -> None:
        while not self.stopping.wait(self.interval):
            dead = [thread.name for thread in (*worker.consumers.values(), *worker.workers) if not thread.is_alive()]
            if dead:
                log.critical("Threads of this worker process have died (%s): it ends.", ", ".join(dead))
                os.kill(os.getpid(), signal.SIGTERM)
                if not self.stopped.wait(self.mercy):
                    os._exit(1)
                return


def _take_one_sigterm() -> None:
    """Let a SIGTERM that follows another at once not count.

    A platform signals every process, and dramatiq's master passes its own on to its workers; to them a second one
    means to drop what they do.
    """
    handle: Any = signal.getsignal(signal.SIGTERM)
    first: list[float] = []

    def once(signum: int, frame: Any) -> None:
        if not first or time.monotonic() - first[0] > 5:
            first.append(time.monotonic())
            handle(signum, frame)

    if callable(handle) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, once)
