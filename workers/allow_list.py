"""The allow-list: the actors that may be scheduled, which are those that `@job` decorates, and no others.

A message names an actor, so the list is what keeps the right to schedule from being the right to run anything.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from dramatiq import Actor, Message

from workers.models import Run


@dataclass(frozen=True, slots=True)
class JobActor:
    """An actor of the allow-list."""

    actor: Actor[..., Any]
    signature: inspect.Signature

    def check(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Raises TypeError saying what is wrong with the arguments."""
        self.signature.bind(*args, **kwargs)

    def message(self, run: Run) -> Message[Any]:
        """The message that starts the next attempt of a run."""
        return self.actor.message_with_options(
            args=run.args, kwargs=run.kwargs, run_id=str(run.pk), attempt=run.attempts
        )


registry: dict[str, JobActor] = {}

#: How the reason begins of a job that was paused, or a run that failed, because the list has no such actor.
VANISHED = "the code has no actor"


def vanished(actor: str) -> str:
    """The reason of a job or a run whose actor is not on the list."""
    return f"{VANISHED} {actor} any more, or a worker is older than the job: restart it, or name another actor"
