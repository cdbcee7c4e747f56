"""The desk's way to put what it did into words."""

from collections.abc import Sized

from django.template.defaultfilters import pluralize


def sentence(said: object) -> str:
    """What is said, with a capital and a full stop."""
    words = str(said)
    return f"{words[:1].upper()}{words[1:]}."


def counted(rows: Sized, what: str) -> str:
    """The number of rows with their noun, such as "1 game" or "2 games"."""
    return f"{len(rows)} {what}{pluralize(len(rows))}"
