"""Lists of the sessions that players may see, a page at a time."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest

from events.models import GameSession, SessionQuerySet
from events.pages.nights import Night

PAGE_SIZE = 60


def public_sessions() -> SessionQuerySet:
    """The sessions that the public may see, the next first."""
    return (
        GameSession.objects.filter(game__venue__active=True).select_related("game__venue").order_by("starts_at", "pk")
    )


class Page:
    """The part of a list that the request asks for with `page`."""

    def __init__(self, request: HttpRequest, sessions: SessionQuerySet, now: datetime) -> None:
        self.number = _page_number(request.GET.get("page", ""))
        start = (self.number - 1) * PAGE_SIZE
        rows = list(sessions[start : start + PAGE_SIZE + 1])  # one more tells whether there is another page
        self.nights = [Night(session, now) for session in rows[:PAGE_SIZE]]
        self.previous = self.number - 1 or None
        self.next = self.number + 1 if len(rows) > PAGE_SIZE else None


def _page_number(text: str) -> int:
    return max(int(text), 1) if text.isdecimal() and len(text) < 5 else 1
