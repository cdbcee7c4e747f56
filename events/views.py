"""The players' pages: what is on, a venue's calendar, a session. No account, no script."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max, Min, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.entries import Entry, by_day, clock_of, zone_of
from events.feeds import addresses
from events.filters import WhatsOnForm, offered
from events.models import Closure, GameSession, SessionQuerySet, Venue
from events.months import Month
from events.slots import midnight

PAGE_SIZE = 60
MOST_IN_A_MONTH = 1000
MOST_IN_A_CELL = 5

#: What the days of `/` stand under, by how many days ahead of the venue's today they are at most.
SECTIONS = ((0, "Today"), (1, "Tomorrow"), (6, "This week"), (inf, "Later"))


@require_safe
def whats_on(request: HttpRequest) -> HttpResponse:
    """The sessions that are on or to come, by the dates of each venue's own calendar."""
    now = timezone.now()
    form = WhatsOnForm(request.GET, offered())
    page = Page(request, form.narrow(_to_come(_sessions(), now), now), now)
    context = {"form": form, "found": form.found, "page": page, "sections": _sections(page.entries)}
    return render(request, "events/whats_on.html", context)


@require_safe
def venue(request: HttpRequest, slug: str) -> HttpResponse:
    """A venue's calendar: a month as a grid or as a list, or the list of all that is to come."""
    now = timezone.now()
    venue = get_object_or_404(Venue, slug=slug, active=True)
    zone = zone_of(venue)
    today = now.astimezone(zone).date()
    asked = Month.read(request.GET.get("month", ""))
    as_list = request.GET.get("view") == "list"
    month = asked or Month.of(today)
    once = Prefetch("game", venue.games.all())  # rather than with each of a month's many sessions
    sessions = _sessions().filter(game__venue=venue).select_related(None).prefetch_related(once)
    context: dict[str, Any] = {
        "venue": venue,
        "whose_time": clock_of(zone),
        "today": today,
        "this_month": Month.of(today),
        "month": None if as_list and not asked else month,
        "feed": addresses(request, "venue-calendar", slug=slug),
        **_neighbours(month, sessions, zone),
    }
    closures = list(_closures(venue, month.first, month.next.first if context["month"] else date.max))
    context["closures"] = [closure for closure in closures if closure.last_date >= today]
    if as_list:
        shown = _within(month, sessions, zone) if asked else _to_come(sessions, now)
        page = Page(request, shown, now)
        context |= {"page": page, "days": by_day(page.entries)}
    else:
        context["weeks"] = _grid(month, _entries(_within(month, sessions, zone)[:MOST_IN_A_MONTH], now), closures)
    return render(request, f"events/venue_{'list' if as_list else 'month'}.html", context)


@require_safe
def session(request: HttpRequest, pk: int) -> HttpResponse:
    """One session, with the next dates of its game."""
    now = timezone.now()
    session = get_object_or_404(_sessions(), pk=pk)
    others = _to_come(_sessions().filter(game__in=session.game.line), now).exclude(pk=pk)[:6]
    context = {
        "entry": Entry(session, now),
        "others": _entries(others, now),
        "feed": addresses(request, "game-calendar", pk=session.game_id),
    }
    return render(request, "events/session.html", context)


# --- Sessions -----------------------------------------------------------------------------------------------


def _sessions() -> SessionQuerySet:
    """All that the public may see."""
    return (
        GameSession.objects.filter(game__venue__active=True).select_related("game__venue").order_by("starts_at", "pk")
    )


def _to_come(sessions: SessionQuerySet, now: datetime) -> SessionQuerySet:
    # None lasts longer than a day; the plain bound is for the index.
    return sessions.filter(ends_at__gt=now, starts_at__gt=now - timedelta(days=1, hours=1))


def _within(month: Month, sessions: SessionQuerySet, zone: ZoneInfo) -> SessionQuerySet:
    return sessions.filter(starts_at__gte=midnight(month.first, zone), starts_at__lt=midnight(month.next.first, zone))


def _entries(sessions: Iterable[GameSession], now: datetime) -> list[Entry]:
    return [Entry(session, now) for session in sessions]


class Page:
    """The part of a list that the request asks for with `page`."""

    def __init__(self, request: HttpRequest, sessions: SessionQuerySet, now: datetime) -> None:
        self.number = _page_number(request.GET.get("page", ""))
        start = (self.number - 1) * PAGE_SIZE
        rows = list(sessions[start : start + PAGE_SIZE + 1])  # one more tells whether there is another page
        self.entries = _entries(rows[:PAGE_SIZE], now)
        self.previous = self.number - 1 or None
        self.next = self.number + 1 if len(rows) > PAGE_SIZE else None


def _page_number(text: str) -> int:
    return max(int(text), 1) if text.isdecimal() and len(text) < 5 else 1


# --- What is on -----------------------------------------------------------------------------------------------


def _sections(entries: list[Entry]) -> list[tuple[str, Any]]:
    """Titles with their days. This week is the seven days from today."""
    named: dict[str, list[Entry]] = {title: [] for _, title in SECTIONS}
    for entry in entries:
        named[next(title for last, title in SECTIONS if entry.days_ahead <= last)].append(entry)
    return [(title, by_day(those)) for title, those in named.items() if those]


# --- A venue's month --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    date: date
    entries: list[Entry]
    page: int  # of the list, where its first entry stands
    closed: bool

    @property
    def shown(self) -> list[Entry]:
        return self.entries[:MOST_IN_A_CELL]

    @property
    def more(self) -> int:
        return len(self.entries) - len(self.shown)

    @property
    def cancelled(self) -> int:
        return sum(entry.cancelled for entry in self.entries)


def _grid(month: Month, entries: list[Entry], closures: list[Closure]) -> list[list[Cell | None]]:
    on: dict[date, list[Entry]] = {}
    page: dict[date, int] = {}
    for index, entry in enumerate(entries):
        on.setdefault(entry.day, []).append(entry)
        page.setdefault(entry.day, index // PAGE_SIZE + 1)

    def cell(day: date) -> Cell:
        closed = any(closure.first_date <= day <= closure.last_date for closure in closures)
        return Cell(day, on.get(day, []), page.get(day, 1), closed)

    return [[cell(day) if day else None for day in week] for week in month.weeks]


def _neighbours(month: Month, sessions: SessionQuerySet, zone: ZoneInfo) -> dict[str, Month | None]:
    """The months to go on to: as far as there are sessions, so that no robot walks on for ever."""
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
