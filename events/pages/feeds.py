"""iCalendar: a venue's or a game's sessions, for the calendar on a player's phone (RFC 5545, RFC 7986)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import condition, require_safe
from icalendar import Calendar, Event, vText

from events.models import Game, GameSession, Venue, not_over
from events.pages.nights import Night, zone_of

#: How far back a feed goes. Ahead it goes as far as there are sessions, if they are not too many.
KEPT = timedelta(days=30)

#: How many sessions a feed holds at most.
MOST = 3000

#: What a feed says of a game and its venue, beside their sessions.
TOLD = ("name", "variant", "format", "buy_in", "currency", "seats", "notes", "venue__name", "venue__timezone")


@require_safe
def venue_calendar(request: HttpRequest, slug: str) -> HttpResponse:
    venue = get_object_or_404(Venue, slug=slug, active=True)
    return _answer(request, venue.name, Game.objects.filter(venue=venue), venue, timezone.now())


@require_safe
def game_calendar(request: HttpRequest, pk: int) -> HttpResponse:
    game = get_object_or_404(Game.objects.select_related("venue"), pk=pk, venue__active=True)
    name = f"{game.name}, {game.venue.name}"
    return _answer(request, name, game.line, game.venue, timezone.now())


def addresses(request: HttpRequest, name: str, **of: Any) -> dict[str, str]:
    """Where a feed is: `subscribe` asks the visitor's calendar to keep it, `plain` is to be copied."""
    plain = address(request, reverse(name, kwargs=of))
    return {"subscribe": f"webcal://{urlsplit(plain).netloc}{urlsplit(plain).path}", "plain": plain}


def address(request: HttpRequest, path: str) -> str:
    """Where others find what this visitor looks at. A port that the visitor named counts for `make run` alone.

    Over TLS the site has the usual port, and a cache may hand on what a stranger's `Host` has made of the page.
    """
    parts = urlsplit(request.build_absolute_uri(path))
    if request.is_secure() and parts.port:
        parts = parts._replace(netloc=parts.netloc.rpartition(":")[0])
    return parts.geturl()


def _answer(request: HttpRequest, name: str, games: QuerySet[Game], venue: Venue, now: datetime) -> HttpResponse:
    since = now - KEPT
    etag, changed_at = _state(games, since, now)

    @condition(etag_func=lambda request: etag, last_modified_func=lambda request: changed_at)
    def feed(request: HttpRequest) -> HttpResponse:
        nights = (Night(session, now) for session in _shown(games, since, now))
        return HttpResponse(
            calendar(request, name, venue, nights).to_ical(), content_type="text/calendar; charset=utf-8"
        )

    response = feed(request)
    response["Cache-Control"] = "no-cache"  # ask each time; the answer is a 304 as long as nothing changed
    return response


def _shown(games: QuerySet[Game], since: datetime, now: datetime) -> list[GameSession]:
    """The sessions of a feed in order of time; where there are too many, the next ones alone."""
    sessions = GameSession.objects.filter(game__in=games).select_related("game__venue").order_by("starts_at", "pk")
    kept = list(sessions.filter(not_over(since))[: MOST + 1])
    return kept if len(kept) <= MOST else list(sessions.filter(not_over(now))[:MOST])


def _state(games: QuerySet[Game], since: datetime, now: datetime) -> tuple[str, datetime]:
    """The feed's ETag and Last-Modified, in one query: a row a game.

    A session that is removed and a game that is renamed leave no time behind. The ETag shows them at once; for
    clients that ask by time alone every hour counts as a change.
    """
    kept = not_over(since, "sessions__")
    state = list(
        games.order_by("pk")
        .annotate(
            shown=Count("sessions", filter=kept),
            newest=Max("sessions__pk", filter=kept),
            changed_at=Max("sessions__updated_at", filter=kept),
            edits=Sum("sessions__sequence", filter=kept),
        )
        .values_list("changed_at", "pk", "shown", "newest", "edits", *TOLD)
    )
    this_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    changed_at = max([this_hour, *(row[0] for row in state if row[0])])
    return f'"{sha256(repr(state).encode()).hexdigest()[:32]}"', changed_at


def calendar(request: HttpRequest, name: str, venue: Venue, nights: Iterable[Night]) -> Calendar:
    feed = Calendar()
    feed.add("prodid", "-//Poker venues//Calendar//EN")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("name", vText(_text(name)))  # the library would not escape these two by itself
    feed.add("x-wr-calname", vText(_text(name)))
    feed.add("x-wr-timezone", zone_of(venue).key)
    feed.add("refresh-interval", timedelta(hours=1), parameters={"value": "DURATION"})
    feed.add("x-published-ttl", "PT1H")
    for night in nights:
        feed.add_component(event(request, night))
    return feed


def event(request: HttpRequest, night: Night) -> Event:
    session = night.session
    told_at = max(session.updated_at, night.game.updated_at).astimezone(UTC)  # some clients look at nothing else
    found = Event()
    found.add("uid", str(session.uid))
    found.add("sequence", session.sequence)
    found.add("dtstamp", told_at)
    found.add("last-modified", told_at)
    found.add("dtstart", session.starts_at.astimezone(UTC))
    found.add("dtend", session.ends_at.astimezone(UTC))
    found.add("status", "CANCELLED" if night.cancelled else "CONFIRMED")
    # Google leaves the status out of sight.
    found.add("summary", _text(f"{'CANCELLED: ' if night.cancelled else ''}{night.game.name}"))
    found.add("location", _text(night.venue.name))
    found.add("url", address(request, reverse("session", args=[session.pk])))
    found.add("description", _text(_description(night)))
    return found


def _description(night: Night) -> str:
    told = [" · ".join(night.what_is_played)]
    if night.cancelled:
        told.append(f"Cancelled. {night.reason}")
    if night.moved_from:
        told.append(f"Moved from {night.moved_from}.")
    told.append(f"Starts at {night.start_time}, {night.whose_time}.")
    told += [night.session.notes, night.game.notes]
    return "\n\n".join(part.strip() for part in told if part.strip())


def _text(text: str) -> str:
    """Text without the control characters that RFC 5545 §3.1 forbids; line breaks are escaped by the library."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text.replace("\r\n", "\n"))
