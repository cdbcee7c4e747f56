"""The message that has the sessions of one game written. No model is loaded for it: the logs know it, too."""

from __future__ import annotations

from typing import Any

from dramatiq import Message

#: The actor in `workers.actors` that takes it, and its queue.
ACTOR, QUEUE = "create_sessions_for_game", "games"


def message(game_id: int, *window: str) -> Message[Any]:
    """The message for a game's id, and the first and last day of its window as ISO dates of the venue's calendar."""
    return Message(queue_name=QUEUE, actor_name=ACTOR, args=(game_id, *window), kwargs={}, options={})
