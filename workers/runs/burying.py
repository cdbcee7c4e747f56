"""Messages that came to nothing, kept as runs that failed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from dramatiq import Message

from workers.models import Run
from workers.runs.storable import as_text

log = logging.getLogger(__name__)


def bury(letters: Iterable[tuple[Message[Any], str]], now: datetime) -> None:
    """Keep messages that came to nothing, each with the reason. One that was begun has its run already."""
    Run.objects.bulk_create([_failed(message, why, now) for message, why in letters], ignore_conflicts=True)


def _failed(message: Message[Any], why: str, now: datetime) -> Run:
    sent = datetime.fromtimestamp(message.message_timestamp / 1000, UTC)
    log.error("A message for %s is dead: %s", message.actor_name, why)
    return Run(
        message.message_id,
        actor=message.actor_name[:100],
        args=list(message.args),
        kwargs=message.kwargs,
        state=Run.State.FAILED,
        cause=Run.Cause.MANUAL,
        reason=f"dead letter: {why}"[:500],
        error=as_text(message.options.get("traceback", "")),
        message_id=message.message_id,
        created_at=sent,
        due_at=sent,
        enqueued_at=sent,
        finished_at=now,
    )
