"""The page of a venue."""

from __future__ import annotations

import pytest
from django.test import Client

from events.models import Game, Venue
from tests.events.admin.desk import form_of, said

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_a_manager_changes_a_venue_but_not_its_managers_or_address(desk: Client, venue: Venue) -> None:
    address = f"/admin/events/venue/{venue.pk}/change/"
    sent = form_of(desk, address) | {"holiday_region": "AU-VIC", "slug": "mine", "managers": []}

    answer = desk.post(address, sent)

    assert answer.status_code == 302, answer.context["errors"]
    venue.refresh_from_db()
    assert (venue.holiday_region, venue.slug) == ("AU-VIC", "star")
    assert [user.username for user in venue.managers.all()] == ["manager"]


def test_a_region_that_is_known_no_longer_can_be_mended_on_the_venues_page(desk: Client, game: Game) -> None:
    type(game.venue).objects.update(holiday_region="AU-XYZ")

    page = desk.get(f"/admin/events/venue/{game.venue.pk}/change/")

    assert "AU-XYZ has no known public holidays: choose another region." in page.content.decode()


def test_saving_a_venue_or_its_closures_says_what_it_does_to_sessions(desk: Client, game: Game) -> None:
    address = f"/admin/events/venue/{game.venue_id}/change/"
    closure = {"first_date": "2026-03-12", "last_date": "2026-03-19", "reason": "works"}
    added = {f"closures-0-{name}": value for name, value in closure.items()} | {"closures-TOTAL_FORMS": 1}

    moved = desk.post(address, form_of(desk, address) | {"timezone": "Australia/Perth"} | added, follow=True)
    assert said(moved)[:2] == [
        "4 sessions move.",
        "The Star: 2026-03-12 to 2026-03-19, works: 2 sessions are cancelled.",
    ]
    lifted = desk.post(address, form_of(desk, address) | {"closures-0-DELETE": "on"}, follow=True)
    assert said(lifted)[:2] == [
        "No session changes.",
        "The Star: 2026-03-12 to 2026-03-19, works: 2 sessions are restored.",
    ]
