"""Lists of sessions, a page at a time."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
import time_machine
from django.test import Client

from events.models import Venue
from tests.events.pages.conftest import NOW, listed
from tests.factories import make_game
from tests.nights import make_session

pytestmark = pytest.mark.django_db


def test_a_long_list_goes_on_on_further_pages(client: Client, star: Venue) -> None:
    game = make_game(star)
    for day in range(130):
        make_session(game, f"{date(2026, 3, 11) + timedelta(day)} 19:00")
    pages = [client.get("/", {"page": number, "venue": "star"}) for number in (1, 2, 3, 4)]
    assert [sum(map(len, listed(page).values())) for page in pages] == [60, 60, 10, 0]
    assert "?page=2&amp;venue=star" in pages[0].content.decode()


def test_a_crowded_day_shows_five_and_leads_to_its_place_in_the_list(client: Client, star: Venue) -> None:
    for number in range(7):
        game = make_game(star, name=f"Table {number}")
        for day in range(1, 21):
            make_session(game, f"2026-03-{day:02} 19:00")
    page = client.get("/venues/star/").content.decode()
    assert page.count("and 2 more") == 20
    link = unescape(re.findall(r'href="(\?[^"]*#d2026-03-15)"', page)[0])
    assert link == "?view=list&month=2026-03&page=2#d2026-03-15"
    assert 'id="d2026-03-15"' in client.get(f"/venues/star/{link}").content.decode()


def test_a_night_as_long_as_can_be_is_shown_until_its_last_minute(
    client: Client, star: Venue, clock: time_machine.Traveller
) -> None:
    begins = NOW - timedelta(hours=24) + timedelta(minutes=1)
    game = make_game(star, name="Marathon")
    make_session(game, "2026-03-09 19:31", starts_at=begins, ends_at=begins + timedelta(hours=24))

    def shown() -> list[str]:
        return [night.game.name for night in client.get("/venues/star/?view=list").context["page"].nights]

    assert (listed(client.get("/")), shown()) == ({"Today": ["Marathon"]}, ["Marathon"])
    clock.shift(timedelta(minutes=1))
    assert (listed(client.get("/")), shown()) == ({}, [])
