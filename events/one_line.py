"""Text of one line: what people write in names and reasons, and what a header or a line of the log may hold."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

#: Unicode's categories of what is no letter: control characters and line breaks; formats, among which are the
#: bidirectional overrides and what has no width; separators of lines and paragraphs; halves of a character.
UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Cs"}

LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def unseen(text: str) -> str:
    """The first character of a text that would break its line, or that nobody sees; "" when there is none."""
    return next((each for each in text if unicodedata.category(each) in UNSEEN), "")


def validate_one_line(text: str) -> None:
    """Raises ValidationError for a line break, and for a character that cannot be seen."""
    if found := unseen(text):
        what = "the line break" if found in LINE_BREAKS else f"the character U+{ord(found):04X}, which cannot be seen"
        raise ValidationError("This takes one line: take out %(what)s.", code="one_line", params={"what": what})


def as_one_line(text: str) -> str:
    """A text that was stored before it was checked, fit for the header of a mail."""
    return " ".join("".join(" " if unseen(each) else each for each in text).split())


def one_line(**options: Any) -> models.CharField[str, str]:
    """A model's field for one line of text, wherever it is written."""
    return models.CharField(validators=[validate_one_line], **options)
