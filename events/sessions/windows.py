"""Windows: the dates that one generation of a game may be about."""

from datetime import date, timedelta
from functools import lru_cache

MAX_WINDOW_DAYS = 400


class WindowError(ValueError):
    """A window of dates that cannot be generated; the message says why and what would do."""


@lru_cache(maxsize=100)  # a generation asks for the same few windows, once for each game
def window(first: date, last: date) -> tuple[date, ...]:
    """The dates from `first` to `last`, both included.

    Raises WindowError when the window ends before it starts or is longer than 400 days.
    """
    days = (last - first).days + 1
    if days < 1:
        raise WindowError(f"The window ends ({last}) before it starts ({first}): give an end on or after the start.")
    if days > MAX_WINDOW_DAYS:
        raise WindowError(f"The window {first} to {last} is {days} days long: give {MAX_WINDOW_DAYS} at most.")
    return tuple(first + timedelta(n) for n in range(days))
