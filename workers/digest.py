"""Each venue's e-mail in the morning: what is on today, what is cancelled, what went wrong."""

from __future__ import annotations

import logging
from datetime import date, datetime, time

from django.core.mail import send_mail
from django.template.loader import render_to_string

from events.models import Game, GameSession, Venue
from events.one_line import as_one_line
from workers.models import Digest

log = logging.getLogger(__name__)

#: When it is due on the venue's clock, and until when one that is late is still worth sending.
FROM, UNTIL = time(7), time(12)


def send_due(now: datetime) -> int:
    """Send the digests that are due at `now` and were not sent today; returns how many.

    At most once: a digest is noted before it is sent, so one that a crash cuts off is not sent again.
    """
    sent = 0
    for venue in Venue.objects.filter(active=True).exclude(contact_email="").order_by("pk"):
        try:
            sent += _send_if_due(venue, now)
        except Exception:  # a mail server that is down, a zone that no longer exists: no reason to pass by the others
            log.exception("The digest of %s was not sent", venue)
    return sent


def _send_if_due(venue: Venue, now: datetime) -> int:
    local = now.astimezone(venue.zone)
    if not FROM <= local.time() < UNTIL or not Digest.objects.get_or_create(venue=venue, date=local.date())[1]:
        return 0
    subject = as_one_line(f"{venue}: {local:%A %-d %B}")
    return send_mail(subject, _body(venue, local.date()), None, [venue.contact_email])


def _body(venue: Venue, day: date) -> str:
    today = (
        GameSession.objects.filter(game__venue=venue)
        .from_day(lambda zone: day)
        .to_day(lambda zone: day)
        .select_related("game")
        .order_by("starts_at", "pk")
    )
    failing = Game.objects.failing().filter(venue=venue)
    return render_to_string("workers/digest.txt", {"venue": venue, "day": day, "today": today, "failing": failing})
