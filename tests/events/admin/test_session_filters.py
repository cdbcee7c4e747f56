"""The list of sessions, narrowed to dates."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.models import Game, Venue
from tests.events.admin.desk import client_of, member
from tests.events.league import each_day, march
from tests.factories import make_game, make_venue
from tests.nights import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


@pytest.mark.parametrize(
    ("query", "label", "first", "count"),
    [
        ("", "From today", "03-10", 60),
        ("?p=2", "From today", "04-29", 60),
        ("?game__venue__id__exact={venue}", "From today", "03-10", 60),
        ("?game__id__exact={game}", "From today", "03-10", 60),
        ("?status__exact=scheduled&q=Nightly", "From today", "03-10", 60),
        ("?when=past", "Past", "03-09", 3),
        ("?when=all", "All", "03-07", 63),
        ("?starts_at_from=&starts_at_to=", "From today", "03-10", 60),
        ("?starts_at_from=2026-03-01&starts_at_to=2026-03-31", "All", "03-07", 25),
        ("?starts_at_from=08/03/2026", "All", "03-08", 62),
        ("?starts_at_from=2026-03-08&when=past", "Past", "03-09", 2),
    ],
)
def test_the_list_of_sessions_begins_today_unless_the_past_or_a_date_is_asked_for(
    desk: Client, venue: Venue, query: str, label: str, first: str, count: int
) -> None:
    game = make_game(venue, name="Nightly")
    for day in each_day(march("03-07"), march("05-08")):
        make_session(game, f"{day} 19:00")

    page = desk.get(f"/admin/events/gamesession/{query.format(venue=venue.pk, game=game.pk)}")

    shown = page.context["cl"]
    assert (f"{shown.result_list[0].slot_date:%m-%d}", shown.result_count) == (first, count)
    assert f">{label}</h2>" in page.content.decode()
    assert [each["display"] for each in shown.filter_specs[0].choices(shown) if each["selected"]] == [label]


@pytest.mark.parametrize(("query", "found"), [("from=3&to=3", 1), ("from=4&to=4", 0), ("from=4", 0), ("to=2", 0)])
def test_a_night_is_found_under_the_date_of_its_venues_own_calendar(query: str, found: int) -> None:
    """A night on Thursday 3 December in New York begins on the 4th by the clocks of Sydney and of UTC."""
    make_session(make_game(make_venue("America/New_York")), "2026-12-03 20:00")
    asked = re.sub(r"(\w+)=(\d)", r"starts_at_\1=2026-12-0\2", query)

    with CaptureQueriesContext(connection) as queries:
        page = client_of(member("viewers")).get(f"/admin/events/gamesession/?{asked}")

    assert page.context["cl"].result_count == found
    assert [query["sql"] for query in queries if "AT TIME ZONE" in query["sql"]] == []


@pytest.mark.parametrize("bad", ["rubbish", "2026-02-30", "31/31/2026", "99999-01-01", "\0", "٣"])
def test_a_bad_date_is_said_to_be_one_and_leaves_the_other_to_count(desk: Client, game: Game, bad: str) -> None:
    page = desk.get("/admin/events/gamesession/", {"starts_at_from": bad, "starts_at_to": "2026-03-19"})

    assert [f"{each.slot_date:%m-%d}" for each in page.context["cl"].result_list] == ["03-12", "03-19"]
    assert f"{bad}: Enter a valid date." in page.content.decode()


@pytest.mark.parametrize("edge", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_of_all_dates_can_be_asked_for(desk: Client, game: Game, edge: str) -> None:
    for name in ("starts_at_from", "starts_at_to"):
        assert desk.get(f"/admin/events/gamesession/?{name}={edge}&_facets=True").status_code == 200


def test_asking_for_a_date_takes_along_the_search_but_not_the_page(desk: Client, game: Game) -> None:
    """An empty date is not taken along either: it would be sent before the one that is filled in, and would count."""
    address = f"/admin/events/gamesession/?q=Game&p=1&starts_at_from=&starts_at_to=&game__id__exact={game.pk}"

    form = re.search('<form id="filter-form".*?</form>', desk.get(address).content.decode(), re.DOTALL)

    sent = re.findall(r'name="(\w+)"', form[0]) if form else []
    assert sorted(sent) == ["game__id__exact", "q", "starts_at_from", "starts_at_to"]
