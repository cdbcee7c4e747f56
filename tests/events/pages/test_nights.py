"""What the pages say of a night."""

import re
from datetime import UTC, date, timedelta
from unittest.mock import patch

import pytest
from django.test import Client

from events import sessions
from events.models import Closure, Venue
from tests.events.pages.conftest import NOW, listed, words
from tests.factories import make_game, make_venue
from tests.nights import cancelled, make_session

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("reason", "by", "said"),
    [
        ("dealers are ill", "staff", "Dealers are ill"),
        ("closed: renovation", "closure", "Closed: renovation"),
        ("excluded: room is booked", "exception", "Room is booked"),
        ("excluded", "exception", ""),
        ("Anzac Day", "holiday", "Public holiday: Anzac Day"),
    ],
)
def test_a_cancelled_session_is_struck_and_says_why(
    client: Client, star: Venue, reason: str, by: str, said: str
) -> None:
    session = make_session(make_game(star, name="Deepstack"), "2026-03-10 21:00", **cancelled(reason, by))
    for address in ("/", "/venues/star/?view=list", f"/sessions/{session.pk}/"):
        response = client.get(address)
        assert "<s>Deepstack</s>" in response.content.decode()
        assert f"Cancelled {said}".strip() in words(response)
    grid = client.get("/venues/star/").content.decode()
    assert '<s><b>9:00 pm</b> Deepstack</s> <span class="unseen">cancelled</span>' in grid
    assert '<b>1</b><span class="unseen"> session, 1 cancelled</span>' in grid


def test_a_moved_session_says_so(client: Client, star: Venue) -> None:
    game = make_game(star)
    first = make_session(game, "2026-03-12 19:00")
    second = make_session(game, "2026-03-13 19:00")
    sessions.move(first.pk, first.starts_at + timedelta(minutes=90), now=NOW)
    sessions.move(second.pk, second.starts_at + timedelta(days=1), now=NOW)
    said = words(client.get("/"))
    assert re.search(r"8:30 pm Sydney time Game 0 The Star · Cash Moved from 7:00 pm", said)
    assert "Moved from Friday 13 March" in said


def test_a_session_restored_after_a_holiday_was_not_moved(client: Client, star: Venue) -> None:
    session = make_session(make_game(star), "2026-03-12 19:00", edited=True)
    assert "Moved" not in words(client.get(f"/sessions/{session.pk}/"))


def test_a_name_is_text_wherever_it_stands(client: Client) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x>"
    venue = make_venue(name=evil, slug="evil")
    game = make_game(venue, name=evil, variant="<b>x</b>", notes=evil)
    session = make_session(game, "2026-03-10 21:00", notes=evil, **cancelled(evil))
    Closure.objects.bulk_create(
        [Closure(venue=venue, first_date=date(2026, 3, 12), last_date=date(2026, 3, 12), reason=evil)]
    )
    for address in ("/", "/venues/evil/", "/venues/evil/?view=list", f"/sessions/{session.pk}/"):
        page = client.get(address).content.decode()
        assert "alert(1)" in page
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>x</b>" not in page


def test_a_venue_whose_zone_is_unknown_takes_no_page_down(client: Client) -> None:
    venue = make_venue("Mars/Olympus", slug="mars")
    game = make_game(venue, name="Low gravity")
    make_session(make_game(name="Here"), "2026-03-10 21:00")
    with patch.object(Venue, "zone", UTC):
        make_session(game, "2026-03-10 21:00")
    assert {"Low gravity", "Here"} == {name for names in listed(client.get("/")).values() for name in names}
    assert "Times are UTC." in words(client.get("/venues/mars/"))
