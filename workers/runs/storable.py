"""What PostgreSQL can hold of the values and texts that a run leaves."""

from __future__ import annotations

import json
import re
from typing import Any

AT_MOST = 20_000  # characters of a result or a traceback


def json_size(value: Any) -> int:
    """The bytes that a value takes as JSON.

    Raises TypeError or ValueError for what PostgreSQL's JSON cannot hold: NaN and infinity, the character NUL, half a
    surrogate pair.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if re.search(r"(?<!\\)(\\\\)*\\u0000", text):
        raise ValueError("the character NUL cannot be stored")
    return len(text.encode())


def as_json(result: Any) -> Any:
    """What an actor returned, if it is short and PostgreSQL's JSON can hold it, or else the beginning of its text."""
    try:
        if json_size(result) <= AT_MOST:
            return result
    except (TypeError, ValueError, RecursionError):
        pass
    return repr(result)[:AT_MOST]


def as_text(traceback: str) -> str:
    """The end of a traceback. What PostgreSQL's text cannot hold is spelt out."""
    return traceback.encode(errors="backslashreplace").decode().replace("\0", "\\0")[-AT_MOST:]
