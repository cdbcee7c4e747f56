"""Lists of the sessions that players may see, a page at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest

from events.models import MAX_DURATION_MINUTES, GameSession, SessionQuerySet
from events.pages.nights import Night

PAGE_SIZE = 60

#: No session lasts longer.
LONGEST = timedelta(minutes=MAX_DURATION_MINUTES)


def public_sessions() -> SessionQuerySet:
    """The sessions that the public may see, the next first."""
    return (
        GameSession.objects.filter(game__venue__active=True).select_related("game__venue").order_by("starts_at", "pk")
    )


def not_over(at: datetime, path: str = "") -> Q:
    """The condition that a session ends after `at`; `path` leads to it from another model, such as `sessions__`."""
    # The bound on the start is for the index.
    return Q(**{f"{path}ends_at__gt": at, f"{path}starts_at__gt": at - LONGEST})


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
