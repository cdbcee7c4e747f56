"""A session's page."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from events.models import Venue
from tests.events.pages.conftest import words
from tests.factories import make_game, make_venue
from tests.nights import make_session

pytestmark = pytest.mark.django_db


def test_a_sessions_page_says_when_where_and_what(client: Client) -> None:
    venue = make_venue("Asia/Kolkata", name="Goa Card Room", slug="goa")
    fields = {"variant": "NLHE", "format": "tournament", "buy_in": "1500.50", "currency": "INR", "seats": 90}
    game = make_game(venue, name="Deepstack", notes="Late registration\nuntil level 8.", **fields)
    session = make_session(game, "2026-03-10 20:00", notes="Shoes, please.")
    make_session(game, "2026-03-17 20:00")
    said = words(client.get(f"/sessions/{session.pk}/"))
    assert "Tuesday 10 March 2026, 8:00 pm to midnight Kolkata time (UTC+5:30)" in said
    assert "Where Goa Card Room Game NLHE Format Tournament Buy-in INR 1,500.50 Seats 90" in said
    assert "Shoes, please. Late registration until level 8." in said
    assert "More dates Tuesday 17 March 8:00 pm" in said


@pytest.mark.parametrize(
    ("now", "state"),
    [("08:59", "finished"), ("05:00", "on now"), ("04:59", "")],
)
def test_a_session_is_on_from_its_start_and_finished_at_its_end(
    client: Client, star: Venue, now: str, state: str
) -> None:
    session = make_session(make_game(star), "2026-03-10 16:00", ends_at=datetime(2026, 3, 10, 8, 59, tzinfo=UTC))
    with time_machine.travel(datetime.fromisoformat(f"2026-03-10T{now}Z"), tick=False):
        said = words(client.get(f"/sessions/{session.pk}/")).lower()
    assert [word for word in ("finished", "on now") if word in said] == [state] * bool(state)
