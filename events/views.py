"""Public pages."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from events.models import GameSession


def whats_on(request: HttpRequest) -> HttpResponse:
    """The sessions that are on or to come, the next first, each in its venue's own time."""
    upcoming = (
        GameSession.objects.filter(ends_at__gt=timezone.now()).select_related("game__venue").order_by("starts_at", "pk")
    )
    page = Paginator(upcoming, 100).get_page(request.GET.get("page"))
    return render(request, "events/whats_on.html", {"page": page})
