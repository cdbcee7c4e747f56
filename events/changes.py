"""What an edit does to sessions, counted and in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Changes:
    """How many sessions an edit touches, and how many it leaves as they are."""

    created: int = 0
    moved: int = 0
    cancelled: int = 0
    restored: int = 0
    removed: int = 0
    edited_stay: int = 0
    cancelled_stay: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def __str__(self) -> str:
        """A sentence, such as "12 sessions move, 2 edited by hand stay, 1 cancelled stays"."""
        said = [words.format(n=n) for n, words in self._words() if n]
        return ", ".join(said) if said else "no session changes"

    def _words(self) -> Iterable[tuple[int, str]]:
        def word(n: int, many: str, one: str) -> str:
            return f"{{n}} {one if n == 1 else many}"

        yield self.created, word(self.created, "sessions are added", "session is added")
        yield self.moved, word(self.moved, "sessions move", "session moves")
        yield self.cancelled, word(self.cancelled, "sessions are cancelled", "session is cancelled")
        yield self.restored, word(self.restored, "sessions are restored", "session is restored")
        yield self.removed, word(self.removed, "sessions are removed", "session is removed")
        yield self.edited_stay, word(self.edited_stay, "edited by hand stay", "edited by hand stays")
        yield self.cancelled_stay, word(self.cancelled_stay, "cancelled stay", "cancelled stays")
