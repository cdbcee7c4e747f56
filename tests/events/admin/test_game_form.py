"""The form of a game: fields that do not count, and two people at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from events.models import Closure, Game
from tests.events.admin.desk import client_of, form_of
from tests.events.conftest import make_user
from tests.events.league import NOW, march, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]

#: What each field of a rule holds when it was filled in before another recurrence hid it; one makes no sense.
FILLED_IN = {
    "interval": "0",
    "weekdays": ["mon"],
    "month_day": "3",
    "nth": "1",
    "month_end": "skip",
    "end_date": "2026-06-31",
    "count": "7",
}
LEFT_OUT = dict.fromkeys(FILLED_IN) | {"interval": 1, "weekdays": [], "month_end": "clamp"}


@pytest.mark.parametrize(
    ("recurrence", "shown"),
    [
        ("once", {}),
        ("daily", {"interval": 2, "weekdays": ["fri"], "end_date": march("06-01"), "count": ""}),
        ("weekly", {"interval": 2, "weekdays": ["fri"], "end_date": "", "count": 9}),
        ("yearly", {"interval": 2, "month_end": "skip", "end_date": "", "count": ""}),
    ],
)
def test_what_a_recurrence_hides_does_not_count(
    desk: Client, game: Game, recurrence: str, shown: dict[str, Any]
) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    sent = {**form_of(desk, address), "start_date": "2026-03-12", **FILLED_IN, "recurrence": recurrence, **shown}

    assert "Saving this" in desk.post(f"/admin/events/game/next-slots/?game={game.pk}", sent).content.decode()
    answer = desk.post(address, sent)

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    kept = {name: value or None for name, value in shown.items()}
    assert Game.objects.values(*FILLED_IN).get() == LEFT_OUT | kept


def test_a_form_opened_before_somebody_else_saved_is_refused_and_nothing_is_lost(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    mine = form_of(desk, address) | {"name": "Mine", "weekdays": ["fri"]}
    theirs = client_of(make_user("root", is_staff=True, is_superuser=True))
    with time_machine.travel(NOW + timedelta(minutes=1)):
        theirs.post(address, form_of(theirs, address) | {"start_time": "20:00"})
    before = rows()

    answer = desk.post(address, mine)

    page = answer.content.decode()
    assert "Somebody else saved this game" in page
    assert "Start time 20:00:00" in page
    assert 'value="Mine"' in page
    assert rows() == before

    again = form_values(answer) | {"name": "Mine", "weekdays": ["fri"], "start_time": "20:00"}
    assert desk.post(address, again).status_code == 302
    game.refresh_from_db()
    assert (game.name, f"{game.start_time:%H:%M}", game.weekdays) == ("Mine", "20:00", ["fri"])


def form_values(answer: Any) -> dict[str, Any]:
    """What the form of an answer would send."""
    form = answer.context["adminform"].form
    return {**form.data.dict(), "seen": form["seen"].value()}


def test_a_form_without_its_stamp_is_refused(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"

    assert desk.post(address, form_of(desk, address) | {"seen": "", "name": "Mine"}).status_code == 200
    game.refresh_from_db()
    assert game.name != "Mine"


def test_the_calendar_being_filled_makes_no_form_stale(desk: Client, game: Game) -> None:
    address = f"/admin/events/game/{game.pk}/change/"
    mine = form_of(desk, address) | {"name": "Mine"}
    Closure(venue=game.venue, first_date=march("03-12"), last_date=march("03-12"), reason="works").save(now=NOW)

    assert desk.post(address, mine).status_code == 302
