"""A venue's page: its calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max, Min, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.models import Closure, SessionQuerySet, Venue, not_over
from events.pages.feeds import addresses
from events.pages.lists import PAGE_SIZE, Page, public_sessions
from events.pages.months import Month
from events.pages.nights import Night, by_day, whose_time, zone_of
from events.slots import midnight

MOST_IN_A_MONTH = 1000
MOST_IN_A_CELL = 5


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """A venue's calendar: a month as a grid or as a list, or the list of all that is to come."""
    now = timezone.now()
    venue = get_object_or_404(Venue, slug=slug, active=True)
    zone = zone_of(venue)
    today = now.astimezone(zone).date()
    asked = Month.read(request.GET.get("month", ""))
    as_list = request.GET.get("view") == "list"
    month = asked or Month.of(today)
    once = Prefetch("game", venue.games.all())  # rather than with each of a month's many sessions
    sessions = public_sessions().filter(game__venue=venue).select_related(None).prefetch_related(once)
    context: dict[str, Any] = {
        "venue": venue,
        "whose_time": whose_time(zone),
        "today": today,
        "this_month": Month.of(today),
        "month": None if as_list and not asked else month,
        "feed": addresses(request, "venue-calendar", slug=slug),
        **_neighbours(month, sessions, zone),
    }
    closures = list(_closures(venue, month.first, month.next.first if context["month"] else date.max))
    context["closures"] = [closure for closure in closures if closure.last_date >= today]
    if as_list:
        shown = _in_month(month, sessions, zone) if asked else sessions.filter(not_over(now))
        page = Page(request, shown, now)
        context |= {"page": page, "days": by_day(page.nights)}
    else:
        shown = _in_month(month, sessions, zone)[:MOST_IN_A_MONTH]
        context["weeks"] = _grid(month, [Night(session, now) for session in shown], closures)
    return render(request, f"events/venue_{'list' if as_list else 'month'}.html", context)


def _in_month(month: Month, sessions: SessionQuerySet, zone: ZoneInfo) -> SessionQuerySet:
    return sessions.filter(starts_at__gte=midnight(month.first, zone), starts_at__lt=midnight(month.next.first, zone))


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the month's grid."""

    date: date
    nights: list[Night]
    page: int  # of the list, where the first night stands
    closed: bool

    @property
    def shown(self) -> list[Night]:
        return self.nights[:MOST_IN_A_CELL]

    @property
    def more(self) -> int:
        return len(self.nights) - len(self.shown)

    @property
    def cancelled(self) -> int:
        return sum(night.cancelled for night in self.nights)


def _grid(month: Month, nights: list[Night], closures: list[Closure]) -> list[list[Cell | None]]:
    on: dict[date, list[Night]] = {}
    page: dict[date, int] = {}
    for index, night in enumerate(nights):
        on.setdefault(night.day, []).append(night)
        page.setdefault(night.day, index // PAGE_SIZE + 1)

    def cell(day: date) -> Cell:
        closed = any(closure.first_date <= day <= closure.last_date for closure in closures)
        return Cell(day, on.get(day, []), page.get(day, 1), closed)

    return [[cell(day) if day else None for day in week] for week in month.weeks]


def _neighbours(month: Month, sessions: SessionQuerySet, zone: ZoneInfo) -> dict[str, Month | None]:
    """The months to link to: as far as there are sessions, so that a robot's walk has an end."""
    edges = sessions.order_by().aggregate(first=Min("starts_at"), last=Max("starts_at"))
    if not edges["first"]:
        return {"previous_month": None, "next_month": None}
    first, last = (Month.of(edges[name].astimezone(zone).date()) for name in ("first", "last"))
    return {
        "previous_month": month.previous if first < month else None,
        "next_month": month.next if month < last else None,
    }


def _closures(venue: Venue, first: date, before: date) -> QuerySet[Closure]:
    return venue.closures.filter(last_date__gte=first, first_date__lt=before)[:20]
