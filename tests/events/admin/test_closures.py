"""Closures: their page, and closing a venue from one of its nights."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client

from events.models import Closure, Game
from tests.events.admin.desk import SUBMITTED, said
from tests.events.league import NOW, march, session_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_deleting_several_closures_at_once_restores_what_they_cancelled(desk: Client, game: Game) -> None:
    for day in ("03-12", "03-19", "03-26"):
        Closure(venue=game.venue, first_date=march(day), last_date=march(day), reason="works").save(now=NOW)
    first_two = list(Closure.objects.values_list("pk", flat=True)[:2])

    desk.post("/admin/events/closure/", {"action": "delete_selected", "_selected_action": first_two, "post": "yes"})

    left = dict(game.sessions.values_list("slot_date", "status"))
    assert [f"{day:%m-%d}" for day, status in left.items() if status == "cancelled"] == ["03-26"]


def test_closing_a_venue_while_a_game_is_on_says_that_it_stays(desk: Client, game: Game) -> None:
    session = session_on(game, "03-12")
    sent = {**SUBMITTED, "first_date": "2026-03-12", "last_date": "2026-03-12", "reason": "flood"}

    with time_machine.travel(session.starts_at + timedelta(minutes=10)):
        answer = desk.post(f"/admin/events/gamesession/{session.pk}/close_venue/", sent)

    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert said[1:] == ["1 session on now: cancel it on its own page, if it stops."]


def test_lifting_a_closure_says_what_comes_back(desk: Client, game: Game) -> None:
    closure = Closure(venue=game.venue, first_date=march("03-12"), last_date=march("03-12"), reason="works")
    closure.save(now=NOW)

    answer = desk.post(f"/admin/events/closure/{closure.pk}/delete/", {"post": "yes"}, follow=True)

    assert "The Star: 2026-03-12 to 2026-03-12, works: 1 session is restored." in said(answer)
