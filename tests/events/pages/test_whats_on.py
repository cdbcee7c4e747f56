"""What is on: what stands where, and what a visitor looks for."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from events.models import Venue
from tests.events.pages.conftest import listed, words
from tests.factories import make_game, make_venue
from tests.nights import make_session

pytestmark = pytest.mark.django_db


def test_sessions_stand_under_today_tomorrow_this_week_and_later(client: Client, star: Venue) -> None:
    for day in (10, 11, 12, 16, 17):
        make_session(make_game(star, name=f"on {day}"), f"2026-03-{day} 20:00")
    assert listed(client.get("/")) == {
        "Today": ["on 10"],
        "Tomorrow": ["on 11"],
        "This week": ["on 12", "on 16"],
        "Later": ["on 17"],
    }


@pytest.mark.parametrize(
    ("when", "found"),
    [("today", ["on 10"]), ("tomorrow", ["on 11"]), ("week", ["on 10", "on 11", "on 12", "on 16"])],
)
def test_when_narrows_the_list(client: Client, star: Venue, when: str, found: list[str]) -> None:
    for day in (10, 11, 12, 16, 17):
        make_session(make_game(star, name=f"on {day}"), f"2026-03-{day} 20:00")
    assert [name for names in listed(client.get("/", {"when": when})).values() for name in names] == found


@pytest.mark.parametrize("when", ["", "today"])
def test_today_is_the_venues_own_date_on_both_sides_of_the_date_line(client: Client, when: str) -> None:
    """At one instant it is Wednesday in Kiritimati and Monday in Pago Pago."""
    with time_machine.travel(datetime(2026, 3, 10, 10, 30, tzinfo=UTC), tick=False):
        east = make_game(make_venue("Pacific/Kiritimati"), name="East")  # 00:30 on the 11th
        west = make_game(make_venue("Pacific/Pago_Pago"), name="West")  # 23:30 on the 9th
        make_session(east, "2026-03-11 19:00")
        make_session(west, "2026-03-09 23:45")
        make_session(west, "2026-03-10 19:00")  # later by the clock than East's, and tomorrow
        response = client.get("/", {"when": when})
    assert listed(response)["Today"] == ["West", "East"]
    assert listed(response).get("Tomorrow", []) == ([] if when else ["West"])
    said = words(response)
    assert "Monday 9 March 11:45 pm Pago Pago time" in said
    assert "Wednesday 11 March 7:00 pm Kiritimati time" in said


def test_what_runs_since_yesterday_is_on_now_under_today_and_what_is_over_is_gone(client: Client, star: Venue) -> None:
    with time_machine.travel(datetime(2026, 3, 9, 15, tzinfo=UTC), tick=False):  # 02:00 on the 10th
        make_session(make_game(star, name="Late"), "2026-03-09 23:00")
        make_session(make_game(star, name="Over"), "2026-03-09 21:00")
        response = client.get("/", {"when": "today"})
    assert listed(response) == {"Today": ["Late"]}
    assert "On now until 3:00 am on Tuesday 10 March" in words(response)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"venue": "star"}, {"Small", "Omaha", "Unstated"}),
        ({"variant": "PLO"}, {"Omaha"}),
        ({"buy_in": "50"}, {"Small", "Free"}),
        ({"buy_in": "0"}, {"Free"}),
        ({"buy_in": "500", "venue": "star"}, {"Small", "Omaha"}),
        ({"venue": "", "variant": "", "buy_in": ""}, {"Small", "Omaha", "Unstated", "Free"}),
    ],
)
def test_filters_narrow_by_venue_variant_and_buy_in(
    client: Client, star: Venue, query: dict[str, str], found: set[str]
) -> None:
    make_session(make_game(star, name="Small", variant="NLHE", buy_in=50), "2026-03-10 20:00")
    make_session(make_game(star, name="Omaha", variant="PLO", buy_in=120), "2026-03-10 20:00")
    make_session(make_game(star, name="Unstated", variant="NLHE"), "2026-03-10 20:00")
    make_session(make_game(name="Free", variant="NLHE", buy_in=0), "2026-03-10 20:00")
    assert set(listed(client.get("/", query))["Today"]) == found


def test_a_filter_that_makes_no_sense_is_named_and_the_others_hold(client: Client, star: Venue) -> None:
    make_session(make_game(star, name="Small", buy_in=50), "2026-03-10 20:00")
    make_session(make_game(star, name="Big", buy_in=500), "2026-03-10 20:00")
    response = client.get("/", {"venue": "nowhere", "buy_in": "100"})
    assert listed(response) == {"Today": ["Small"]}
    assert "No such venue: choose one." in words(response)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("-1", "Give 0 or more."),
        ("many", "Give an amount, such as 50."),
        ("99999999999", "Give a smaller amount."),
        ("1.234", "Give two decimals at most."),
    ],
)
def test_an_amount_that_makes_no_sense_is_told_what_would(client: Client, amount: str, said: str) -> None:
    assert f"Buy-in up to {said} Show" in words(client.get("/", {"buy_in": amount}))


def test_an_empty_answer_offers_a_way_on(client: Client, star: Venue) -> None:
    assert "No session is planned yet." in words(client.get("/"))
    assert "Show everything that is on" in words(client.get("/", {"when": "tomorrow"}))
