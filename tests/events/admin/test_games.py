"""The page of a game."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from events.models import Game, GameDate, Venue
from tests.events.admin.desk import SUBMITTED, act, form_of, said
from tests.events.league import march, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_the_desk_shows_the_fields_that_a_recurrence_uses(desk: Client, game: Game) -> None:
    hidden = desk.get(f"/admin/events/game/{game.pk}/change/").context["adminform"].model_admin.conditional_fields

    assert hidden["nth"] == hidden["month_day"] == "recurrence == 'monthly'"
    assert hidden["month_end"] == "recurrence == 'monthly' || recurrence == 'yearly'"
    assert "once" not in "".join(hidden.values())


def test_the_desk_says_where_a_holiday_region_is_lacking(desk: Client, game: Game, venue: Venue) -> None:
    address, place = f"/admin/events/game/{game.pk}/change/", f"/admin/events/venue/{venue.pk}/change/"
    Game.objects.update(holiday_policy="skip")
    refused = desk.post(place, form_of(desk, place) | {"holiday_region": ""})
    assert "keep a region" in refused.context["adminform"].form.errors["holiday_region"][0]

    Venue.objects.update(holiday_region="")
    refused = desk.post(address, form_of(desk, address))
    assert "Give The Star a holiday region first" in refused.context["adminform"].form.errors["holiday_policy"][0]


def test_skipping_a_date_that_the_game_does_not_have_is_refused_with_the_next_one(desk: Client, game: Game) -> None:
    address, before = f"/admin/events/game/{game.pk}/skip_date/", rows()

    answer = desk.post(address, {**SUBMITTED, "date": "2026-12-23", "reason": "private"})

    told = "It is not played on Wed 23 Dec 2026: the next date is Thu 24 Dec 2026."
    assert answer.context["form"].errors == {"date": [told]}
    assert rows() == before
    GameDate.objects.create(game=game, date=march("03-13"), kind="add")
    desk.post(address, {**SUBMITTED, "date": "2026-03-13"})
    assert GameDate.objects.get().kind == "exclude"


def test_archiving_games_asks_first_and_says_what_it_removed(desk: Client, game: Game) -> None:
    before = rows()

    assert list(act(desk, "game/", "archive", [game.pk]).context["rows"]) == [game]
    assert rows() == before

    assert said(act(desk, "game/", "archive", [game.pk], _form_submitted="on")) == [
        "1 game archived: 4 sessions are removed."
    ]
    assert not game.sessions.exists()


def test_saving_a_game_says_what_each_date_that_differs_does(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    date = {"date": "2026-03-12", "kind": "exclude", "reason": ""}
    added = {f"exceptions-0-{name}": value for name, value in date.items()} | {"exceptions-TOTAL_FORMS": 1}

    answer = desk.post(address, form_of(desk, address) | added, follow=True)

    assert said(answer)[:2] == ["No session changes.", "Exclude 2026-03-12: 1 session is cancelled."]


def test_a_failing_game_says_so_at_the_top_and_is_tried_again_when_it_is_saved(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    Game.objects.update(holiday_policy="skip")
    Venue.objects.update(holiday_region="XX")
    assert "Save again to try it" not in desk.get(address).content.decode()

    failed = desk.post(address, form_of(desk, address) | {"_continue": "on"}, follow=True)
    assert said(failed)[0].startswith(f"The sessions of {game} cannot be written. GenerationError: ")
    assert next(iter(failed.context["adminform"])).fields == ["generation_error"]
    assert "Save again to try it" in failed.content.decode()

    Venue.objects.update(holiday_region="AU-NSW")
    mended = desk.post(address, form_of(desk, address) | {"_continue": "on"}, follow=True)
    assert said(mended)[0] == "No session changes."
    assert "Save again to try it" not in mended.content.decode()


def test_a_bulk_action_keeps_what_somebody_else_changed_and_is_logged(desk: Client, game: Game) -> None:
    desk.post("/admin/events/game/", {"action": "pause", "_selected_action": [game.pk]})

    game.refresh_from_db()
    assert game.status == "paused"
    assert LogEntry.objects.get().change_message.startswith("paused")
