"""Lines of the log, on one clock: UTC, with its offset, whatever zone a process keeps. For text and for machines.

Nothing here needs Django or dramatiq: gunicorn's master writes such lines too.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

#: What would end a line, or turn a terminal's text around, in something that a stranger wrote.
UNSEEN = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x061C,
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
    if code != 0x09
}


def instant(record: logging.LogRecord) -> str:
    """When it was: `2026-11-28T15:20:11.123+00:00`."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class Lines(logging.Formatter):
    """`2026-11-28T15:20:11.123+00:00 WARNING workers.tick: …`; a message is one line, whatever is written in it."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return instant(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        return super().formatMessage(record).translate(UNSEEN)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": instant(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self.about(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)

    def about(self, record: logging.LogRecord) -> dict[str, Any]:
        """What the line is about, beside what it says."""
        return {}
