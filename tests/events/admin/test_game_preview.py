"""The panel beside a game's form."""

from __future__ import annotations

import pytest
from django.test import Client

from events.models import Game, Venue
from tests.events.admin.desk import form_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_the_preview_of_another_venues_game_tells_nothing_of_it(desk: Client, foreign: Game) -> None:
    sent = {"venue": foreign.venue_id, "name": "x", "start_date": "2026-03-12", "start_time": "19:00"}

    for game in (foreign.pk, "no-number", "", -1):
        shown = desk.post(f"/admin/events/game/next-slots/?game={game}", sent).content.decode()
        assert "Select a valid choice" in shown
        assert "Saving this" not in shown
        assert "Mar 2026" not in shown


@pytest.mark.parametrize(
    ("changes", "active", "why"),
    [
        ({}, True, ""),
        ({"status": "paused"}, True, "Paused: no session will be written."),
        ({"status": "archived"}, True, "Archived: no session will be written."),
        ({}, False, "The Star is switched off: no session will be written."),
    ],
)
def test_the_preview_says_when_no_session_will_be_written(
    desk: Client, game: Game, changes: dict[str, str], active: bool, why: str
) -> None:
    Venue.objects.update(active=active)
    sent = form_of(desk, f"/admin/events/game/{game.pk}/change/") | changes

    shown = desk.post(f"/admin/events/game/next-slots/?game={game.pk}", sent).content.decode()

    assert "Thu 12 Mar 2026" in shown
    assert ("no session will be written" in shown, why in shown) == (bool(why), True)
