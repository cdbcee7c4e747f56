"""A venue's page: its month, its list, its closures."""

import re
from datetime import date

import pytest
from django.test import Client

from events.models import Closure, Venue
from tests.events.pages.conftest import words
from tests.factories import make_game, make_venue
from tests.nights import make_session

pytestmark = pytest.mark.django_db


def test_the_month_is_a_grid_of_weeks_in_the_venues_zone(client: Client) -> None:
    venue = make_venue("America/New_York", slug="village")
    make_session(make_game(venue, name="Last of February"), "2026-02-28 23:30")
    make_session(make_game(venue, name="First of March"), "2026-03-01 00:15")
    make_session(make_game(venue, name="Last of March"), "2026-03-31 23:30")
    response = client.get("/venues/village/")
    cells = {cell.date.day: cell for week in response.context["weeks"] for cell in week if cell}
    assert [cell and cell.date.day for cell in response.context["weeks"][0]] == [None] * 6 + [1]
    assert list(cells) == list(range(1, 32))
    assert {day: [night.game.name for night in cell.nights] for day, cell in cells.items() if cell.nights} == {
        1: ["First of March"],
        31: ["Last of March"],
    }
    assert "Times are New York time." in words(response)
    assert response.content.decode().count('aria-current="date"') == 1


def test_months_are_linked_as_far_as_there_are_sessions(client: Client, star: Venue) -> None:
    game = make_game(star)
    for month in ("02", "03", "04"):
        make_session(game, f"2026-{month}-10 19:00")
    linked = {
        month: re.findall(r'rel="(?:prev|next)" href="\?month=([\d-]+)"', client.get(address).content.decode())
        for month, address in (
            ("03", "/venues/star/"),
            ("02", "/venues/star/?month=2026-02"),
            ("04", "/venues/star/?month=2026-04"),
        )
    }
    assert linked == {"03": ["2026-02", "2026-04"], "02": ["2026-03"], "04": ["2026-03"]}


def test_the_list_begins_today_unless_a_month_is_named(client: Client, star: Venue) -> None:
    game = make_game(star)
    for day in ("03-02", "03-12", "04-09"):
        make_session(game, f"2026-{day} 19:00")

    def dates(**query: str) -> list[str]:
        response = client.get("/venues/star/", {"view": "list", **query})
        return [f"{day.date:%m-%d}" for day in response.context["days"]]

    assert dates() == ["03-12", "04-09"]
    assert dates(month="2026-03") == ["03-02", "03-12"]


def test_closures_are_announced_until_they_are_over(client: Client, star: Venue) -> None:
    rows = [(3, 4, "over"), (9, 10, "carpet"), (30, 30, "stocktaking")]
    Closure.objects.bulk_create(
        [
            Closure(venue=star, first_date=date(2026, 3, first), last_date=date(2026, 3, last), reason=reason)
            for first, last, reason in rows
        ]
    )
    for view in ("", "list"):
        said = words(client.get("/venues/star/", {"view": view}))
        assert "Closed from Monday 9 March to Tuesday 10 March: carpet" in said
        assert "Closed on Monday 30 March: stocktaking" in said
        assert "over" not in said
