"""Buttons with dialogs: what they refuse, and what they say."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from events import sessions
from events.models import Game
from tests.events.admin.desk import SUBMITTED, said
from tests.events.league import NOW, rows, session_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


@pytest.mark.parametrize("day", ["1066-10-14", "9999-12-31", "rubbish"])
@pytest.mark.parametrize(
    ("button", "names"),
    [
        ("skip_date", ("date",)),
        ("split", ("from_date",)),
        ("move", ("date",)),
        ("close_venue", ("first_date", "last_date")),
    ],
)
def test_a_dialog_says_what_is_wrong_with_a_date(
    desk: Client, game: Game, day: str, button: str, names: tuple[str, ...]
) -> None:
    row = f"game/{game.pk}" if button in ("skip_date", "split") else f"gamesession/{session_on(game, '03-12').pk}"
    before = rows()
    sent = {"start_time": "19:00", "duration_minutes": "60", "reason": "x", **dict.fromkeys(names, day)}

    answer = desk.post(f"/admin/events/{row}/{button}/", {**SUBMITTED, **sent})

    assert answer.context["form"].errors.keys() == set(names)
    assert rows() == before


@pytest.mark.parametrize(("action", "left"), [("cancel", "Already cancelled."), ("restore", "Already scheduled.")])
def test_a_button_of_a_list_that_would_do_nothing_says_so(desk: Client, game: Game, action: str, left: str) -> None:
    session = session_on(game, "03-12")
    if action == "cancel":
        sessions.cancel(session.pk, "dealers are ill", now=NOW)
    before = rows()

    desk.post(f"/admin/events/gamesession/{session.pk}/{action}/", {**SUBMITTED, "reason": ""})

    assert said(desk.get("/admin/")) == [left]
    assert rows() == before


MOVE = {"date": "2026-03-13", "start_time": "20:00", "duration_minutes": "60"}
CLOSE = {"first_date": "2026-03-12", "last_date": "2026-03-12", "reason": "works"}
SPLIT = {"from_date": "2026-03-12", "start_time": "20:00", "duration_minutes": "240"}

#: A button and what is sent; which row's log notes what of it, what the user reads, and whose page follows.
ACTS = [
    ("session/cancel", {"reason": "x"}, "session", "cancelled.", "{session}: cancelled.", "session"),
    ("session/move", MOVE, "session", "moved.", "{session}: moved.", "session"),
    (
        "session/close_venue",
        CLOSE,
        "venue",
        "Closed 2026-03-12 to 2026-03-12.",
        "The Star: 2026-03-12 to 2026-03-12, works: 1 session is cancelled.",
        "session",
    ),
    (
        "session/split",
        SPLIT,
        "game",
        "Ends before 2026-03-12; goes on as game {copy}.",
        "This is {game} from 2026-03-12 on: 4 sessions move.",
        "copy",
    ),
    (
        "game/split",
        SPLIT,
        "game",
        "Ends before 2026-03-12; goes on as game {copy}.",
        "This is {game} from 2026-03-12 on: 4 sessions move.",
        "copy",
    ),
    (
        "game/skip_date",
        {"date": "2026-03-12"},
        "game",
        "Thu 12 Mar 2026 is skipped: 1 session is cancelled.",
        "{game}: Thu 12 Mar 2026 is skipped: 1 session is cancelled.",
        "game",
    ),
]


@pytest.mark.parametrize(("button", "sent", "of", "noted", "told", "then"), ACTS, ids=[act[0] for act in ACTS])
def test_a_dialog_notes_and_says_what_it_did_and_leads_on(
    desk: Client, game: Game, button: str, sent: dict[str, str], of: str, noted: str, told: str, then: str
) -> None:
    session = session_on(game, "03-12")
    ids = {"session": session.pk, "game": game.pk, "venue": game.venue_id}
    row, act = button.split("/")

    answer = desk.post(f"/admin/events/{MODELS[row]}/{ids[row]}/{act}/", {**SUBMITTED, **sent})

    ids["copy"] = Game.objects.latest("pk").pk
    words = {"session": session, "game": game, "copy": ids["copy"]}
    entry = LogEntry.objects.get()
    assert (entry.get_edited_object().pk, entry.change_message) == (ids[of], noted.format(**words))
    assert answer.headers["HX-Redirect"] == f"/admin/events/{MODELS[then]}/{ids[then]}/change/"
    assert said(desk.get("/admin/")) == [told.format(**words)]


MODELS = {"session": "gamesession", "game": "game", "copy": "game"}


@pytest.mark.parametrize("row", ["session", "game"])
def test_a_dialog_that_is_refused_leads_back_to_its_row_and_writes_nothing(desk: Client, game: Game, row: str) -> None:
    ids, before = {"session": session_on(game, "03-12").pk, "game": game.pk}, rows()

    answer = desk.post(
        f"/admin/events/{MODELS[row]}/{ids[row]}/split/", {**SUBMITTED, **SPLIT, "from_date": "2026-03-01"}
    )

    assert answer.headers["HX-Redirect"] == f"/admin/events/{MODELS[row]}/{ids[row]}/change/"
    assert ["Take a date after today" in each for each in said(desk.get("/admin/"))] == [True]
    assert rows() == before
    assert not LogEntry.objects.exists()
