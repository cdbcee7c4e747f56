"""Text of one line."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import models
from rest_framework.test import APIClient

from events.models import Venue
from events.one_line import as_one_line, validate_one_line
from tests.events.admin.desk import client_of, form_of, member
from tests.events.league import full_game
from workers import digest

BREAKS = ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\u2029"]
#: Control, bidirectional-override and zero-width characters.
UNSEEN = [
    "\x00",
    "\x07",
    "\x1b",
    "\x7f",
    "\u200b",
    "\u200d",
    "\u200e",
    "\u202e",
    "\u2066",
    "\u2060",
    "\ufeff",
    "\ud800",
]

#: Fields that people write, whose text must be something else besides: a name that is known, or none of theirs.
CHECKED_ELSEWHERE = {
    "workers.ScheduledJob.actor",  # on the allow-list
    "workers.ScheduledJob.timezone",  # by its trigger
    "events.GameSession.timezone",  # the venue's
    "events.NewSession.timezone",
}
#: Models that the engine alone writes.
RECORDS = ("events.DataVersion.", "workers.Run.", "workers.Incident.", "workers.WorkerProcess.")


@pytest.mark.parametrize("character", BREAKS)
def test_a_line_break_is_named(character: str) -> None:
    with pytest.raises(ValidationError, match="This takes one line: take out the line break"):
        validate_one_line(f"Alpha{character}Bcc: x")


@pytest.mark.parametrize("character", UNSEEN)
def test_a_character_that_cannot_be_seen_is_named(character: str) -> None:
    with pytest.raises(ValidationError, match=rf"take out the character U\+{ord(character):04X}, which cannot be seen"):
        validate_one_line(f"Al{character}pha")


@pytest.mark.parametrize("text", ["The Star", "Café – “Ünï”", "麻雀クラブ", "نادي البوكر", "♠️ 7 p.m. 🃏", ""])
def test_what_people_write_is_taken(text: str) -> None:
    validate_one_line(text)


def test_every_field_of_one_line_that_people_write_refuses_them() -> None:
    """Also those that will be added."""
    open_to_all = set()
    for model in (*apps.get_app_config("events").get_models(), *apps.get_app_config("workers").get_models()):
        for field in model._meta.concrete_fields:
            if isinstance(field, models.CharField) and field.editable and not field.choices:
                try:
                    field.run_validators("a\u202e")
                except ValidationError:
                    continue
                open_to_all.add(f"{model._meta.label}.{field.name}")

    records = {name for name in open_to_all if name.startswith(RECORDS)}
    assert open_to_all - records <= CHECKED_ELSEWHERE


def test_what_was_stored_before_fits_a_header() -> None:
    subject = as_one_line("Alpha\r\nBcc: x\u202e  y")

    assert subject == "Alpha Bcc: x y"
    assert EmailMessage(subject, "", "a@b.example", ["c@d.example"]).message()["Subject"] == subject


@pytest.mark.django_db
@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("text", ["Alpha\r\nBcc: x", "Al\u202epha", "Al\u200bpha"])
def test_rest_refuses_them_by_the_fields_name(text: str, root: APIClient, star: Venue) -> None:
    game = full_game(star)
    night = game.sessions.earliest("slot_date")
    closure = {"venue": "star", "first_date": "2026-03-12", "last_date": "2026-03-12"}
    trigger = {"type": "interval", "hours": 1}
    refusals = [
        ("name", root.post("/api/v1/venues/", {"slug": "new", "name": text})),
        ("slug", root.post("/api/v1/venues/", {"slug": text, "name": "New"})),
        ("name", root.patch(f"/api/v1/games/{game.pk}/", {"name": text})),
        ("variant", root.patch(f"/api/v1/games/{game.pk}/", {"variant": text})),
        ("reason", root.post("/api/v1/closures/", {**closure, "reason": text})),
        ("reason", root.post(f"/api/v1/sessions/{night.pk}/cancel/", {"reason": text})),
        ("id", root.post("/api/v1/jobs/", {"id": text, "actor": "delete_old_history", "trigger": trigger})),
    ]

    for field, answer in refusals:
        assert answer.status_code == 400, answer.json()
        assert list(answer.json()) == [field]
    exception = {"date": "2026-03-12", "kind": "exclude", "reason": text}
    answer = root.patch(f"/api/v1/games/{game.pk}/", {"exceptions": [exception]})
    assert answer.status_code == 400
    assert "take out" in str(answer.json()["exceptions"])
    assert root.patch(f"/api/v1/games/{game.pk}/", {"notes": "Bring\r\ncash"}).status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("now")
def test_the_desk_refuses_them_at_the_field(star: Venue) -> None:
    game = full_game(star)
    desk = client_of(member("managers", star))
    text = "Al\u202epha"
    venue, games = f"/admin/events/venue/{star.pk}/change/", f"/admin/events/game/{game.pk}/change/"
    closed = {"closures-0-first_date": "2026-03-12", "closures-0-last_date": "2026-03-12", "closures-0-reason": text}

    for address, field, sent in (
        (venue, "name", {"name": text}),
        (venue, "reason", {**closed, "closures-TOTAL_FORMS": 1}),
        (games, "name", {"name": text}),
    ):
        page = desk.post(address, form_of(desk, address) | sent)
        assert page.status_code == 200, field
        assert "take out the character U+202E, which cannot be seen" in page.content.decode()
    night = game.sessions.earliest("slot_date")
    page = desk.post(f"/admin/events/gamesession/{night.pk}/cancel/", {"_form_submitted": "on", "reason": text})
    assert page.status_code == 200
    night.refresh_from_db()
    assert night.status == "scheduled"


@pytest.mark.django_db
def test_a_venue_that_was_stored_before_gets_its_digest(star: Venue, mailoutbox: list[EmailMessage]) -> None:
    Venue.objects.update(name="Alpha\r\nBcc: x", contact_email="star@example.com")

    assert digest.send_due(datetime(2026, 3, 12, 8, tzinfo=ZoneInfo("Australia/Sydney"))) == 1

    assert mailoutbox[0].subject == "Alpha Bcc: x: Thursday 12 March"
