"""Logs for machines: one JSON object a line, with the run and the game it is about."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

#: Attributes of a record that `extra=` may give and a line shows.
ABOUT = ("run_id", "game_id", "job_id")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_about(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _about(record: logging.LogRecord) -> dict[str, str]:
    from workers.jobs import current_run

    given = {name: str(getattr(record, name)) for name in ABOUT if hasattr(record, name)}
    run = current_run()
    at_work = {"run_id": str(run.pk), "job_id": run.job_id or run.actor} if run else {}
    return at_work | given
