"""Every page: what there is not, what a page costs, what it may load; that no query breaks one."""

import re
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from events.models import Game, Venue
from tests.events.pages.conftest import words
from tests.factories import make_game, make_venue
from tests.nights import cancelled, make_session

pytestmark = pytest.mark.django_db


# --- What there is not --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/venues/nowhere/", "/sessions/1/", f"/sessions/{10**30}/", "/nope"])
def test_what_there_is_not_is_a_page_that_says_so(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert "There is no such page" in words(response)


def test_an_inactive_venue_is_hidden_everywhere(client: Client) -> None:
    venue = make_venue(name="Asleep", slug="asleep", active=False)
    session = make_session(make_game(venue), "2026-03-10 21:00")
    assert client.get("/venues/asleep/").status_code == 404
    assert client.get(f"/sessions/{session.pk}/").status_code == 404
    assert "Asleep" not in client.get("/").content.decode()


@pytest.mark.parametrize(
    "query",
    [
        *(f"page={value}" for value in ("0", "-1", "x", "", "²", "9" * 5000, "1e9", "99999999")),
        *(f"buy_in={value}" for value in ("NaN", "-1", "1e999999", "Infinity", "x", "9" * 3000, "%00", "sNaN")),
        *(f"month={value}" for value in ("0000-00", "9999-12", "2026-13", "1969-12", "2099-12", "2026-3", "x")),
        "venue=%00&variant=%00&when=%00&view=%00&month=%00",
        "venue=%FF%FE&variant=%F0%9F%83%8F&when=never",
        "venue=a&venue=b&page=1&page=2",
    ],
)
def test_no_query_breaks_a_page(client: Client, star: Venue, query: str) -> None:
    make_session(make_game(star), "2026-03-10 21:00")
    for address in ("/", "/venues/star/", "/venues/star/?view=list"):
        response = client.get(f"{address}{'&' if '?' in address else '?'}{query}")
        assert response.status_code == 200


@pytest.mark.parametrize("address", ["/", "/venues/star/"])
def test_pages_are_read_and_nothing_else(client: Client, star: Venue, address: str) -> None:
    assert client.post(address).status_code == 405


# --- What a page costs and may do ---------------------------------------------------------------------------


def crowd(star: Venue) -> Game:
    """A hundred sessions in a month, of ten games at two venues."""
    games = [make_game(venue, name=f"Game {n}", buy_in=50) for n in range(5) for venue in (star, make_venue())]
    for game in games:
        for day in range(10, 20):
            make_session(game, f"2026-03-{day} 20:00")
    return games[0]


@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/", 2),
        ("/?when=tomorrow&venue=star&buy_in=100", 4),
        ("/venues/star/", 5),
        ("/venues/star/?view=list", 5),
    ],
)
def test_pages_take_few_queries(
    client: Client, star: Venue, django_assert_num_queries: Any, address: str, most: int
) -> None:
    crowd(star)
    with django_assert_num_queries(most):
        client.get(address)


def test_a_sessions_page_takes_two_queries(client: Client, star: Venue, django_assert_num_queries: Any) -> None:
    session = crowd(star).sessions.earliest("pk")
    with django_assert_num_queries(2):
        client.get(f"/sessions/{session.pk}/")


def test_no_page_weighs_more_than_150_kb(client: Client, star: Venue) -> None:
    """Ten daily games a venue, and names as long as they can be."""
    for number in range(10):
        game = make_game(star, name=f"{number}{'x' * 199}", variant="v" * 50, buy_in=1)
        for day in range(1, 32):
            make_session(game, f"2026-03-{day:02} 20:00", **cancelled("r" * 200))
    for address in ("/", "/venues/star/", "/venues/star/?view=list", "/venues/star/?view=list&month=2026-03"):
        assert len(client.get(address).content) < 150_000


def test_pages_may_load_nothing_but_our_styles_and_images(client: Client, star: Venue) -> None:
    session = make_session(make_game(star), "2026-03-10 21:00")
    addresses = ("/", "/venues/star/", "/venues/star/?view=list", f"/sessions/{session.pk}/", "/nope")
    for response in map(client.get, addresses):
        policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
        assert policy == {
            "default-src": "'none'",
            "style-src": "'self'",
            "img-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        page = response.content.decode()
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|https?://(?!testserver|www\.w3\.org)", page)


def test_the_api_page_may_run_our_scripts(client: Client) -> None:
    page = client.get("/api/docs/")
    assert "script-src 'self';" in page["Content-Security-Policy"] + ";"
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.content.decode())


def test_an_error_of_ours_is_a_page_that_says_so(client: Client) -> None:
    client.raise_request_exception = False
    with patch("events.pages.whats_on.offered", side_effect=RuntimeError):
        response = client.get("/")
    assert response.status_code == 500
    assert "Something went wrong" in words(response)
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_icon_that_browsers_ask_for_by_themselves_is_there(client: Client) -> None:
    assert client.get("/favicon.ico")["Location"] == "/static/events/favicon.svg"
