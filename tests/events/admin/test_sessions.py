"""The page of a session, and what is done to nights."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from events import sessions
from events.models import Closure, Game
from tests.events.admin.desk import SUBMITTED, act, client_of, said
from tests.events.conftest import make_user
from tests.events.league import NOW, march, rows, session_on
from tests.nights import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


def test_a_night_moved_into_the_clocks_change_keeps_its_length(desk: Client, game: Game) -> None:
    """In Sydney the clocks go back at 03:00 on 5 April."""
    session = session_on(game, "04-02")

    sent = {"date": "2026-04-05", "start_time": "01:00", "duration_minutes": "240"}
    desk.post(f"/admin/events/gamesession/{session.pk}/move/", {**SUBMITTED, **sent})

    session.refresh_from_db()
    assert session.ends_at - session.starts_at == timedelta(hours=4)


def test_notes_of_a_session_reach_the_feed_and_do_not_hold_it_back(desk: Client, game: Game) -> None:
    session = session_on(game, "03-12")

    desk.post(f"/admin/events/gamesession/{session.pk}/change/", {"notes": "Bring a friend."})
    game.start_time = game.start_time.replace(hour=20)
    game.save(now=NOW)

    session.refresh_from_db()
    assert (session.notes, session.edited, session.sequence) == ("Bring a friend.", False, 2)


def test_only_what_can_be_done_to_a_session_is_offered(desk: Client, game: Game) -> None:
    session = session_on(game, "03-12")
    address = f"/admin/events/gamesession/{session.pk}/change/"
    offered = [[each["title"] for each in desk.get(address).context["actions_detail"]]]
    desk.post(f"/admin/events/gamesession/{session.pk}/cancel/", {**SUBMITTED, "reason": "x"})
    offered.append([each["title"] for each in desk.get(address).context["actions_detail"]])

    rest = ["Close the venue", "Change from this date"]
    assert offered == [["Cancel", "Move", *rest], ["Restore", *rest]]


def test_cancelling_several_nights_asks_for_one_reason_and_leaves_what_is_cancelled_alone(
    desk: Client, game: Game
) -> None:
    Closure(venue=game.venue, first_date=march("03-12"), last_date=march("03-12"), reason="works").save(now=NOW)
    sessions.cancel(session_on(game, "03-19").pk, "dealers are ill", now=NOW)
    make_session(game, "2026-03-05 19:00")
    before, ids = rows(), [session.pk for session in game.sessions.all()]

    asked = act(desk, "gamesession/?when=all", "cancel_all", ids)
    assert rows() == before
    assert [str(row) for row in asked.context["rows"]] == [f"{game} on 2026-03-26", f"{game} on 2026-04-02"]

    done = act(desk, "gamesession/?when=all", "cancel_all", ids, _form_submitted="on", reason="flood")
    reasons = game.sessions.filter(status="cancelled").values_list("cancel_reason", "cancelled_by")
    works = ("closed: works", "closure")
    assert list(reasons) == [works, ("dealers are ill", "staff"), ("flood", "staff"), ("flood", "staff")]
    over = "1 left alone. This session is over: the past does not change."
    assert said(done) == ["2 sessions cancelled.", over, "2 left alone. Already cancelled."]

    again = act(desk, "gamesession/?when=all", "cancel_all", ids)
    assert said(again) == [over, "4 left alone. Already cancelled."]


@pytest.mark.parametrize(
    ("button", "needs"), [("close_venue", "add_closure"), ("split", "change_game"), ("cancel", "change_gamesession")]
)
def test_a_button_of_a_session_needs_the_permission_for_what_it_writes(game: Game, button: str, needs: str) -> None:
    session = session_on(game, "03-19")
    address = f"/admin/events/gamesession/{session.pk}"
    all_of_them = {"view_gamesession", "change_gamesession", needs}
    found = []
    for name, permissions in (("without", all_of_them - {needs}), ("with", all_of_them)):
        staff = client_of(make_user(name, is_staff=True, permissions=" ".join(permissions)))
        offered = [each["path"] for each in staff.get(f"{address}/change/").context["actions_detail"]]
        found.append((f"{address}/{button}/" in offered, staff.post(f"{address}/{button}/", SUBMITTED).status_code))

    assert found == [(False, 403), (True, 200)]
