"""A consumer that takes back what got lost between Redis and itself.

Dramatiq 2.2 fetches messages by moving their ids from the queue into a set of its process, where an id stays until its
message is acknowledged. When the reply is lost, or the consumer gives up before it has handed every message on, nobody
knows of those messages any more, and no other process may take them as long as this one lives.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from dramatiq import DecodeError, Message
from dramatiq.brokers.redis import _RedisConsumer
from dramatiq.errors import ConnectionClosed
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

#: Seconds between two looks for lost messages.
LOOK_EVERY = 10.0


class Consumer(_RedisConsumer):
    """Takes messages of one queue. The messages that the process holds outlive it: threads go on working on them."""

    def __init__(self, broker: Any, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]
        self.held: set[str] = broker.held.setdefault(queue_name, set())
        if queue_name.endswith(".DQ"):
            self.held.clear()  # a thread that makes a new consumer has dropped the messages it was delaying
        self.look_at = 0.0

    @property
    def outstanding_message_count(self) -> int:
        """How many messages count against the prefetch, with those an earlier consumer took that threads work on."""
        return len(self.held) + len(self.message_cache)

    def __next__(self) -> Any:
        if not self.message_cache and time.monotonic() >= self.look_at:
            self._take_back()
        try:
            message = super().__next__()  # type: ignore[no-untyped-call]
        except DecodeError:
            return None  # the messages that came with it go on; the next look finds this one and gives it up
        if message is not None:
            self.held.add(message.options["redis_message_id"])
        return message

    def ack(self, message: Any) -> None:
        self._finish(super().ack, message)

    def nack(self, message: Any) -> None:
        self._finish(super().nack, message)

    def requeue(self, messages: Iterable[Any]) -> None:
        """Give messages back to their queue. If Redis does not take them now, a later look gives them back.

        Dramatiq would let the error end the thread that calls, for good.
        """
        messages = list(messages)
        self.held.difference_update(message.options["redis_message_id"] for message in messages)
        try:
            super().requeue(messages)  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.warning("Redis did not take %d messages back: %s", len(messages), error)

    def _finish(self, done: Any, message: Any) -> None:
        try:
            done(message)
        except ConnectionClosed:
            raise  # the thread tries again until Redis has heard it
        except BaseException:
            self.held.discard(message.options["redis_message_id"])  # nobody tries again, so the message will come again
            raise
        self.held.discard(message.options["redis_message_id"])

    def _take_back(self) -> None:
        """Put messages back on their queue that Redis says this process took and the process does not know.

        A message that nobody can read would only come again, so it is given up.
        """
        try:
            taken = self.broker.client.smembers(
                f"{self.broker.namespace}:__acks__.{self.broker.broker_id}.{self.queue_name}"
            )
            lost = {key.decode() for key in taken} - self.held
            unreadable = self._unreadable(lost)
            for key in unreadable:
                log.error("A message of %s cannot be read: it is given up", self.queue_name)
                self.broker.do_nack(self.queue_name, key)
            if lost := lost - unreadable:
                log.warning("%d messages of %s got lost on their way here: they go back", len(lost), self.queue_name)
                self.broker.do_requeue(self.queue_name, *lost)
        except RedisError:
            return  # the fetch that follows reports it
        self.look_at = time.monotonic() + LOOK_EVERY

    def _unreadable(self, keys: set[str]) -> set[str]:
        if not keys:
            return set()
        data = self.broker.client.hmget(f"{self.broker.namespace}:{self.queue_name}.msgs", keys)
        return {key for key, each in zip(keys, data, strict=True) if each is not None and not _is_readable(each)}


def _is_readable(data: bytes) -> bool:
    try:
        Message.decode(data)
    except DecodeError:
        return False
    return True
