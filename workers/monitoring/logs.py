"""Logs for machines: one JSON object a line, with the run and the game it is about."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from dramatiq.middleware import CurrentMessage

from workers.current import current_run
from workers.game_message import ACTOR

#: The ids that a line shows when `extra=` gives them.
ABOUT = ("run_id", "job_id", "game_id")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_at_work(),
            **{name: str(getattr(record, name)) for name in ABOUT if hasattr(record, name)},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _at_work() -> dict[str, str]:
    """The ids of the run or the game that this thread works on, for the lines of libraries too."""
    if run := current_run():
        return {"run_id": str(run.pk), "job_id": run.job_id or run.actor}
    message = CurrentMessage.get_current_message()
    if message and message.actor_name == ACTOR and message.args:
        return {"game_id": str(message.args[0])}
    return {}
