"""What every edit does to a session in every state.

One game has a session in each state; each edit is made to it; and what became of each session is put in words:

    stays                    not a field of the row has changed
    18:30–22:30              it has moved to these times of its venue's clock, with the same id and uid, sequence + 1
    cancelled by …           so it is, with the reason; sequence + 1
    scheduled                so it is again; sequence + 1
    flagged, unflagged       as off its rule, and nothing else
    gone                     its row is removed
    anew                     another session, of another uid, has taken its place
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Q

from events import sessions
from events.models import Closure, Game, GameDate, GameSession, Settled, Venue
from events.sessions import Changes
from tests.events.league import dates, full_game, march, rows, session_on, sydney
from tests.factories import make_venue

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 3, 9, tzinfo=UTC)  # 11:00 in Sydney
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)  # Tuesday, 20:00 in Sydney; it is played since 19:00


@pytest.fixture(autouse=True)
def _horizon(settings: Any) -> None:
    settings.LOOKAHEAD_DAYS = 28  # to 7 April


STATES = {
    "over": "03-09",
    "being played": "03-10",
    "untouched": "03-12",
    "moved": "03-13",
    "cancelled by hand": "03-14",
    "by closure": "03-16",
    "by exception": "03-17",
    "off rule": "03-22",
    "added": "03-29",
    "by holiday": "04-03",
}


@dataclass
class League:
    """A game on every day but Sunday, with a session in each of the `STATES`. Rows are read when they are needed."""

    game_id: int

    @property
    def game(self) -> Game:
        return Game.objects.select_related("venue").get(pk=self.game_id)

    @property
    def closure(self) -> Closure:
        return Closure.objects.get(reason="works")

    @property
    def excluded(self) -> GameDate:
        return GameDate.objects.get(reason="staff party")

    @property
    def added(self) -> GameDate:
        return GameDate.objects.get(reason="cup final")

    def edit(self, **fields: Any) -> Changes:
        return self.change(self.game, **fields)

    def edit_venue(self, **fields: Any) -> Changes:
        return self.change(self.game.venue, **fields)

    def close(self, first: str, last: str, reason: str = "flood") -> Closure:
        fields = {"first_date": march(first), "last_date": march(last), "reason": reason}
        return as_foretold(lambda **how: saved(Closure(venue=self.game.venue, **fields), **how))

    def except_on(self, day: str, kind: str, reason: str = "") -> GameDate:
        fields = {"date": march(day), "kind": kind, "reason": reason}
        return as_foretold(lambda **how: saved(GameDate(game=self.game, **fields), **how))

    def change(self, row: Any, **fields: Any) -> Changes:
        for name, value in fields.items():
            setattr(row, name, value)
        changes: Changes = as_foretold(lambda **how: saved(row, **how)).changes
        return changes

    def lift(self, row: Any) -> Changes:
        changes: Changes = as_foretold(lambda **how: deleted(copy(row), **how)).changes
        return changes


Row = TypeVar("Row", bound=Settled)


def as_foretold(act: Callable[..., Row]) -> Row:
    """Do what a dry run has foretold, which writes nothing."""
    before = rows()
    foretold = act(dry_run=True).changes
    assert rows() == before
    done = act(dry_run=False)
    assert done.changes == foretold
    return done


def saved(row: Row, **how: bool) -> Row:
    row.save(now=NOW, **how)
    return row


def deleted(row: Row, **how: bool) -> Row:
    row.delete(now=NOW, **how)
    return row


@pytest.fixture
def league() -> League:
    venue = make_venue(holiday_region="AU-NSW")
    game = full_game(venue, now=MONDAY, recurrence="weekly", weekdays=[])
    game.weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    game.save(now=MONDAY)
    sessions.move(session_on(game, "03-13").pk, sydney("03-13 21:00"), now=MONDAY)
    sessions.move(session_on(game, "03-22").pk, sydney("03-22 15:00"), now=MONDAY)
    sessions.cancel(session_on(game, "03-14").pk, "dealer ill", now=MONDAY)
    closure = Closure(venue=venue, first_date=march("03-16"), last_date=march("03-16"), reason="works")
    closure.save(now=MONDAY)
    excluded = GameDate(game=game, date=march("03-17"), kind="exclude", reason="staff party")
    excluded.save(now=MONDAY)
    game.weekdays, game.holiday_policy = ["mon", "tue", "wed", "thu", "fri", "sat"], "skip"
    game.save(now=MONDAY)
    added = GameDate(game=game, date=march("03-29"), kind="add", reason="cup final")
    added.save(now=NOW)  # and full to the horizon of now
    assert len(dates(game)) == 28
    return League(game.pk)


def test_each_state_is_what_it_is_called(league: League) -> None:
    facts = {
        state: (row.status, row.cancelled_by, row.cancel_reason, row.edited, row.off_rule)
        for state, row in by_state(league.game).items()
    }
    plain = ("scheduled", "", "", False, False)
    assert facts == {
        "over": plain,
        "being played": plain,
        "untouched": plain,
        "moved": ("scheduled", "", "", True, False),
        "cancelled by hand": ("cancelled", "staff", "dealer ill", False, False),
        "by closure": ("cancelled", "closure", "closed: works", False, False),
        "by exception": ("cancelled", "exception", "excluded: staff party", False, False),
        "off rule": ("scheduled", "", "", True, True),
        "added": plain,
        "by holiday": ("cancelled", "holiday", "Good Friday", False, False),
    }


# --- In words -----------------------------------------------------------------------------------------------


def by_state(game: Game) -> dict[str, GameSession]:
    found = {f"{row.slot_date:%m-%d}": row for row in GameSession.objects.filter(game=game)}
    return {state: found[day] for state, day in STATES.items() if day in found}


def in_words(before: GameSession, after: GameSession | None) -> str:
    if after is None:
        return "gone"
    if after.pk != before.pk:
        assert after.uid != before.uid
        return "anew"
    assert after.uid == before.uid
    assert after.slot_date == before.slot_date
    assert after.edited == before.edited
    assert after.notes == before.notes
    said = [*said_of_times(before, after), *said_of_status(before, after)]
    by = after.sequence - before.sequence
    if by != bool(said):
        said.append(f"sequence + {by}")
    if after.off_rule != before.off_rule:
        said.append("flagged" if after.off_rule else "unflagged")
    return ", ".join(said) or "stays"


def said_of_times(before: GameSession, after: GameSession) -> list[str]:
    if (before.starts_at, before.ends_at, before.timezone) == (after.starts_at, after.ends_at, after.timezone):
        return []
    starts_at, ends_at = (each.astimezone(ZoneInfo(after.timezone)) for each in (after.starts_at, after.ends_at))
    assert starts_at.date() == after.slot_date
    place = f" in {after.timezone}" if after.timezone != before.timezone else ""
    return [f"{starts_at:%H:%M}–{ends_at:%H:%M}{place}"]


def said_of_status(before: GameSession, after: GameSession) -> list[str]:
    def facts(row: GameSession) -> tuple[str, str, str]:
        return row.status, row.cancelled_by, row.cancel_reason

    if facts(before) == facts(after):
        return []
    if after.status == "scheduled":
        assert facts(after) == ("scheduled", "", "")
        return ["scheduled"]
    return [f"cancelled by {after.cancelled_by}: {after.cancel_reason}"]


# --- The table ----------------------------------------------------------------------------------------------

Edit = Callable[[League], Changes]


def twice(one: Edit, other: Edit) -> Edit:
    return lambda league: one(league) + other(league)


def closed_and_opened(league: League) -> Changes:
    closure = league.close("03-12", "03-16")
    return closure.changes + league.lift(closure)


def excluded_and_lifted(league: League) -> Changes:
    row = league.except_on("03-12", "exclude")
    return row.changes + league.lift(row)


def in_perth() -> Venue:
    """Another venue, in another zone, without public holidays, closed on the 12th."""
    venue = make_venue("Australia/Perth")
    Closure.objects.bulk_create(
        [Closure(venue=venue, first_date=march("03-12"), last_date=march("03-12"), reason="flood")]
    )
    return venue


#: The edit; what becomes of the sessions in the states that are named, while the others stay; and how many
#: sessions are written.
TABLE: dict[str, tuple[Edit, dict[str, str], int]] = {
    "its name": (lambda it: it.edit(name="Friday PLO", notes="Bring a friend"), {}, 0),
    "the start": (
        lambda it: it.edit(start_time=time(18, 30)),
        {"untouched": "18:30–22:30", "added": "18:30–22:30"},
        0,
    ),
    "the start, and back": (
        twice(lambda it: it.edit(start_time=time(18, 30)), lambda it: it.edit(start_time=time(19))),
        {"untouched": "sequence + 2", "added": "sequence + 2"},
        0,
    ),
    "the duration": (
        lambda it: it.edit(duration_minutes=300),
        {"untouched": "19:00–00:00", "added": "19:00–00:00"},
        0,
    ),
    "the weekdays, which no longer name any of these": (
        lambda it: it.edit(weekdays=["wed"]),
        {
            "untouched": "gone",
            "moved": "flagged",
            "cancelled by hand": "flagged",
            "by closure": "gone",
            "by exception": "gone",
            "by holiday": "gone",
        },
        0,
    ),
    "the weekdays, and back": (
        twice(
            lambda it: it.edit(weekdays=["wed"]),
            lambda it: it.edit(weekdays=["mon", "tue", "wed", "thu", "fri", "sat"]),
        ),
        # What was cancelled from outside is not written again, for its reason still holds.
        {"untouched": "anew", "by closure": "gone", "by exception": "gone", "by holiday": "gone"},
        13,
    ),
    "the weekdays, now with Sunday": (
        lambda it: it.edit(weekdays=["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
        {"off rule": "unflagged"},
        1,  # the 15th; the 5th of April is Easter
    ),
    "the rule, now monthly on the 12th": (
        lambda it: it.edit(recurrence="monthly", weekdays=[], month_day=12),
        {
            "moved": "flagged",
            "cancelled by hand": "flagged",
            "by closure": "gone",
            "by exception": "gone",
            "by holiday": "gone",
        },
        0,
    ),
    "the start date, to the 20th": (
        lambda it: it.edit(start_date=date(2026, 3, 20)),
        {
            "untouched": "gone",
            "moved": "flagged",
            "cancelled by hand": "flagged",
            "by closure": "gone",
            "by exception": "gone",
        },
        0,
    ),
    "the end date, to the 15th": (
        lambda it: it.edit(end_date=date(2026, 3, 15)),
        {"by closure": "gone", "by exception": "gone", "by holiday": "gone"},
        0,
    ),
    "the end date, to the past": (
        lambda it: it.edit(end_date=date(2026, 3, 1)),
        {
            "untouched": "gone",
            "moved": "flagged",
            "cancelled by hand": "flagged",
            "by closure": "gone",
            "by exception": "gone",
            "by holiday": "gone",
        },
        0,
    ),
    "the venue's zone": (
        lambda it: it.edit_venue(timezone="Australia/Perth"),
        {
            "untouched": "19:00–23:00 in Australia/Perth",
            "moved": "21:00–01:00 in Australia/Perth",
            "off rule": "15:00–19:00 in Australia/Perth",
            "added": "19:00–23:00 in Australia/Perth",
        },
        0,
    ),
    "the venue's region, now without this holiday": (
        lambda it: it.edit_venue(holiday_region="US-NY"),
        {"by holiday": "scheduled"},
        0,
    ),
    "the venue's region, now none": (
        lambda it: it.edit_venue(holiday_region=""),
        {"by holiday": "scheduled"},
        0,
    ),
    "the holiday policy, now run": (lambda it: it.edit(holiday_policy="run"), {"by holiday": "scheduled"}, 0),
    "the holiday policy, and back": (
        twice(lambda it: it.edit(holiday_policy="run"), lambda it: it.edit(holiday_policy="skip")),
        {"by holiday": "sequence + 2"},
        0,
    ),
    "paused": (lambda it: it.edit(status="paused"), {}, 0),
    "paused, and later": (
        twice(lambda it: it.edit(status="paused"), lambda it: it.edit(start_time=time(18, 30))),
        {"untouched": "18:30–22:30", "added": "18:30–22:30"},
        0,
    ),
    "paused and resumed": (
        twice(lambda it: it.edit(status="paused"), lambda it: it.edit(status="active")),
        {},
        0,
    ),
    "archived": (
        lambda it: it.edit(status="archived"),
        {"untouched": "gone", "added": "gone", "by closure": "gone", "by exception": "gone", "by holiday": "gone"},
        0,
    ),
    "archived and brought back": (
        twice(lambda it: it.edit(status="archived"), lambda it: it.edit(status="active")),
        {"untouched": "anew", "added": "anew", "by closure": "gone", "by exception": "gone", "by holiday": "gone"},
        18,
    ),
    "a date excluded": (
        lambda it: it.except_on("03-12", "exclude", "cup final").changes,
        {"untouched": "cancelled by exception: excluded: cup final"},
        0,
    ),
    "a date excluded, and not": (excluded_and_lifted, {"untouched": "sequence + 2"}, 0),
    "the date of the moved one excluded": (lambda it: it.except_on("03-13", "exclude").changes, {}, 0),
    "the date of the cancelled one excluded, and not": (
        lambda it: (row := it.except_on("03-14", "exclude")).changes + it.lift(row),
        {},
        0,
    ),
    "the date of a closure excluded too": (
        lambda it: it.except_on("03-16", "exclude", "cup final").changes,
        {"by closure": "cancelled by exception: excluded: cup final"},
        0,
    ),
    "an excluded date lifted": (lambda it: it.lift(it.excluded), {"by exception": "scheduled"}, 0),
    "an excluded date, its reason": (
        lambda it: it.change(it.excluded, reason="works do"),
        {"by exception": "cancelled by exception: excluded: works do"},
        0,
    ),
    "an excluded date, moved": (
        lambda it: it.change(it.excluded, date=date(2026, 3, 12)),
        {"by exception": "scheduled", "untouched": "cancelled by exception: excluded: staff party"},
        0,
    ),
    "a date added that the rule lacks": (lambda it: it.except_on("03-15", "add").changes, {}, 1),
    "a date added that has one off its rule": (
        lambda it: it.except_on("03-22", "add").changes,
        {"off rule": "unflagged"},
        0,
    ),
    "an added date lifted": (lambda it: it.lift(it.added), {"added": "gone"}, 0),
    "closed": (
        lambda it: it.close("03-12", "03-16").changes,
        {"untouched": "cancelled by closure: closed: flood", "by closure": "cancelled by closure: closed: flood"},
        0,
    ),
    "closed and opened": (closed_and_opened, {"untouched": "sequence + 2", "by closure": "sequence + 2"}, 0),
    "closed on the holiday": (
        lambda it: it.close("04-03", "04-03").changes,
        {"by holiday": "cancelled by closure: closed: flood"},
        0,
    ),
    "closed in the past": (lambda it: it.close("03-01", "03-10").changes, {}, 0),
    "a closure lifted": (lambda it: it.lift(it.closure), {"by closure": "scheduled"}, 0),
    "a closure moved": (
        lambda it: it.change(it.closure, first_date=march("03-12"), last_date=march("03-12")),
        {"untouched": "cancelled by closure: closed: works", "by closure": "scheduled"},
        0,
    ),
    "a closure, its reason": (
        lambda it: it.change(it.closure, reason="repairs"),
        {"by closure": "cancelled by closure: closed: repairs"},
        0,
    ),
    "a closure, now another venue's": (
        lambda it: it.change(it.closure, venue=make_venue()),
        {"by closure": "scheduled"},
        0,
    ),
    "a closure lifted after the start was edited": (
        twice(lambda it: it.edit(start_time=time(18, 30)), lambda it: it.lift(it.closure)),
        {"untouched": "18:30–22:30", "added": "18:30–22:30", "by closure": "18:30–22:30, scheduled"},
        0,
    ),
    "the venue inactive": (lambda it: it.edit_venue(active=False), {}, 0),
    "the venue inactive and active": (
        twice(lambda it: it.edit_venue(active=False), lambda it: it.edit_venue(active=True)),
        {},
        0,
    ),
    "played at another venue": (
        lambda it: it.edit(venue=in_perth()),
        {
            "untouched": "cancelled by closure: closed: flood",
            "by closure": "19:00–23:00 in Australia/Perth, scheduled",
            "by holiday": "19:00–23:00 in Australia/Perth, scheduled",
            "moved": "21:00–01:00 in Australia/Perth",
            "off rule": "15:00–19:00 in Australia/Perth",
            "added": "19:00–23:00 in Australia/Perth",
        },
        0,
    ),
}


@pytest.mark.parametrize(("edit", "expected", "created"), TABLE.values(), ids=TABLE)
def test_an_edit_says_first_what_it_does_to_a_session_in_each_state_and_then_does_it(
    league: League, edit: Edit, expected: dict[str, str], created: int
) -> None:
    before, before_rows = by_state(league.game), rows()

    changes = edit(league)
    after = by_state(league.game)
    outcome = {state: in_words(before[state], after.get(state)) for state in STATES}
    assert outcome == dict.fromkeys(STATES, "stays") | expected
    assert changes.created == created
    assert GameSession.objects.count() == len(before_rows["GameSession"]) + changes.created - changes.removed

    settled = rows()
    again = sessions.settle(Q(pk=league.game_id), now=NOW)
    assert rows() == settled
    assert again == Changes(edited_stay=again.edited_stay, cancelled_stay=again.cancelled_stay)
