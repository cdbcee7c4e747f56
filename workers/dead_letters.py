"""Dead letters: messages that dramatiq gave up, brought from Redis into the ledger of runs for an operator to retry.

Dramatiq gives up a message whose actor no worker knows, and one that failed too often, and keeps it in Redis for a
week. Most dead letters are no loss: a run's own row is tried again, a slot that periodiq sent is made good, and a game
that lags is sent again. The others were asked for by hand, or by code that another deploy has changed.
"""

from __future__ import annotations

import inspect
import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from dramatiq import DecodeError, Message

from workers import generation, runs
from workers.backing_services import PASSING_ERRORS
from workers.broker import BATCH, broker
from workers.game_message import ACTOR

log = logging.getLogger(__name__)


def collect(now: datetime) -> None:
    """Empty the dead-letter queues in Redis, and keep as failed runs the messages that nothing else makes good."""
    for queue in sorted(broker().get_declared_queues()):
        while letters := broker().dead_letters(queue, BATCH):
            decoded = [message for data in letters.values() if (message := _decode(data))]
            _bury([(message, why) for message in decoded if (why := _loss(message, now))], now)
            broker().drop_dead_letters(queue, letters)


def _bury(letters: list[tuple[Message[Any], str]], now: datetime) -> None:
    """Keep the letters together; if one of them cannot be kept, each for itself, so that it holds up no other."""
    try:
        runs.bury(letters, now)
    except PASSING_ERRORS:
        raise  # at the next tick PostgreSQL may be back
    except Exception as error:
        if len(letters) == 1:
            log.error("A dead letter that cannot be kept is dropped: %r: %s", letters[0][0].asdict(), error)
        else:
            for letter in letters:
                _bury([letter], now)


def _decode(data: bytes) -> Message[Any] | None:
    try:
        message = Message.decode(data)
        UUID(message.message_id)
        runs.json_size([message.args, message.kwargs])
        return message
    except (DecodeError, TypeError, ValueError):
        log.error("A dead letter that nobody can keep is dropped: %r", data[:500])
        return None


def _loss(message: Message[Any], now: datetime) -> str:
    """Why the message came to nothing; empty when something else makes it good."""
    if {"run_id", "scheduled_at"} & message.options.keys():
        return ""
    actor = broker().actors.get(message.actor_name)
    if actor is None:
        return "no worker knows its actor"
    try:
        arguments = inspect.signature(actor.fn).bind(*message.args, **message.kwargs).arguments
    except TypeError as error:
        return f"its actor does not take these arguments: {error}"
    if message.actor_name == "dispatch_due_jobs":
        return ""  # the next tick does it
    try:
        if message.actor_name == ACTOR and generation.reaches(now, **arguments):
            return ""
    except (TypeError, ValueError) as error:
        return f"its actor can make nothing of these arguments: {error}"
    return "it failed"
