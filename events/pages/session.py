"""A session's page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.models import not_over
from events.pages.feeds import addresses
from events.pages.lists import public_sessions
from events.pages.nights import Night

MOST_OTHERS = 6


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One session, with the next dates of its game."""
    now = timezone.now()
    session = get_object_or_404(public_sessions(), pk=pk)
    others = public_sessions().filter(not_over(now), game__in=session.game.line).exclude(pk=pk)[:MOST_OTHERS]
    context = {
        "night": Night(session, now),
        "others": [Night(other, now) for other in others],
        "feed": addresses(request, "game-calendar", pk=session.game_id),
    }
    return render(request, "events/session.html", context)
