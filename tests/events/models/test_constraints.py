"""What the service refuses the database refuses too, whoever writes past the service."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import CheckConstraint, F, UniqueConstraint

from events.models import Closure, Game, GameDate, GameSession, Venue
from tests.events.league import full_game, march, rows, session_on
from tests.factories import make_game, make_venue

pytestmark = pytest.mark.django_db

REFUSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("game_status", {}, {"status": "deleted"}),
    ("game_status", {}, {"status": ""}),
    ("game_format", {}, {"format": "ring"}),
    ("game_month_end", {}, {"month_end": "roll"}),
    ("game_holiday_policy", {}, {"holiday_policy": "both"}),
    ("game_interval", {}, {"interval": 0}),
    ("game_interval", {}, {"interval": 1001}),
    ("game_interval", {"recurrence": "once"}, {"interval": 2}),
    ("game_weekdays", {"recurrence": "weekly"}, {"weekdays": ["thu", "xyz"]}),
    ("game_weekdays", {"recurrence": "daily"}, {"weekdays": ["day"]}),
    ("game_weekdays", {"recurrence": "once"}, {"weekdays": ["thu"]}),
    ("game_weekdays", {"recurrence": "yearly"}, {"weekdays": ["thu"]}),
    ("game_weekdays", {"recurrence": "monthly"}, {"weekdays": ["thu"]}),
    ("game_weekdays", {"recurrence": "monthly"}, {"nth": 2}),
    ("game_weekdays", {"recurrence": "monthly"}, {"nth": 2, "weekdays": ["thu", "fri"]}),
    ("game_weekdays", {}, {"recurrence": "hourly"}),
    ("game_monthly_day", {"recurrence": "monthly"}, {"month_day": 0}),
    ("game_monthly_day", {"recurrence": "monthly"}, {"month_day": 32}),
    ("game_monthly_day", {"recurrence": "weekly"}, {"month_day": 15}),
    ("game_monthly_day", {"recurrence": "yearly"}, {"month_day": 15}),
    ("game_monthly_day", {"recurrence": "monthly"}, {"month_day": 15, "nth": 2, "weekdays": ["thu"]}),
    ("game_monthly_nth", {"recurrence": "monthly"}, {"nth": 5, "weekdays": ["thu"]}),
    ("game_monthly_nth", {"recurrence": "monthly"}, {"nth": 6, "weekdays": ["thu"]}),
    ("game_monthly_nth", {"recurrence": "monthly"}, {"nth": 0, "weekdays": ["thu"]}),
    ("game_monthly_nth", {"recurrence": "monthly"}, {"nth": -2, "weekdays": ["thu"]}),
    ("game_monthly_nth", {"recurrence": "weekly"}, {"nth": 1, "weekdays": ["thu"]}),
    ("game_end", {}, {"end_date": F("start_date") - timedelta(1)}),
    ("game_end", {}, {"end_date": date(2030, 1, 1), "count": 3}),
    ("game_end", {}, {"count": 0}),
    ("game_end", {}, {"count": 10_001}),
    ("game_end", {"recurrence": "once"}, {"end_date": date(2030, 1, 1)}),
    ("game_end", {"recurrence": "once"}, {"count": 1}),
    ("game_dates", {}, {"start_date": date(1899, 12, 31)}),
    ("game_dates", {}, {"end_date": date(2201, 1, 1)}),
    ("game_duration", {}, {"duration_minutes": 0}),
    ("game_duration", {}, {"duration_minutes": 1441}),
    ("game_buy_in", {}, {"buy_in": -1}),
    ("game_seats", {}, {"seats": 0}),
]


@pytest.mark.parametrize(("name", "fields", "update"), REFUSED)
def test_a_game_that_makes_no_sense_is_refused(name: str, fields: dict[str, Any], update: dict[str, Any]) -> None:
    game = make_game(**fields)
    before = rows()

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Game.objects.filter(pk=game.pk).update(**update)

    assert rows() == before


ACCEPTED: list[dict[str, Any]] = [
    {"recurrence": "once"},
    {"recurrence": "daily", "interval": 1000},
    {"recurrence": "daily", "weekdays": ["sat", "sun"]},
    {"recurrence": "weekly", "weekdays": []},
    {"recurrence": "weekly", "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]},
    {"recurrence": "monthly"},
    {"recurrence": "monthly", "month_day": 1},
    {"recurrence": "monthly", "month_day": 31, "month_end": "skip"},
    *({"recurrence": "monthly", "nth": nth, "weekdays": ["thu"]} for nth in (1, 2, 3, 4, -1)),
    {"recurrence": "yearly", "interval": 4, "month_end": "skip"},
    {"end_date": date(2020, 1, 1)},
    {"count": 1},
    {"count": 10_000},
    {"duration_minutes": 1},
    {"duration_minutes": 1440},
    {"buy_in": 0, "seats": 1},
]


@pytest.mark.parametrize("fields", ACCEPTED)
def test_a_game_that_can_be_meant_is_accepted(fields: dict[str, Any]) -> None:
    assert make_game(**fields).pk


@pytest.mark.parametrize(
    ("name", "update"),
    [
        ("session_ends_after_start", {"ends_at": F("starts_at")}),
        ("session_ends_after_start", {"ends_at": F("starts_at") - timedelta(minutes=1)}),
        ("session_cancelled_by_someone", {"status": "cancelled"}),
        ("session_cancelled_by_someone", {"status": "cancelled", "cancelled_by": "nobody"}),
        ("session_cancelled_by_someone", {"cancelled_by": "staff"}),
        ("session_cancelled_by_someone", {"status": "completed"}),
        ("session_cancelled_by_someone", {"status": ""}),
        ("one_session_a_slot", {"slot_date": march("03-19")}),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(name: str, update: dict[str, Any]) -> None:
    session = session_on(full_game(), "03-12")
    before = rows()

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        GameSession.objects.filter(pk=session.pk).update(**update)
    assert rows() == before


def test_a_second_session_of_a_slot_is_refused_whatever_its_status_and_times() -> None:
    kept = session_on(full_game(), "03-12")
    second = GameSession(
        game=kept.game,
        slot_date=kept.slot_date,
        starts_at=kept.starts_at + timedelta(days=1),
        ends_at=kept.ends_at + timedelta(days=1),
        timezone=kept.timezone,
        status="cancelled",
        cancelled_by="staff",
    )

    with pytest.raises(IntegrityError, match="one_session_a_slot"), transaction.atomic():
        GameSession.objects.bulk_create([second])


def test_a_uid_belongs_to_one_session() -> None:
    game = full_game()
    uid = session_on(game, "03-12").uid

    with pytest.raises(IntegrityError, match="uid"), transaction.atomic():
        GameSession.objects.filter(pk=session_on(game, "03-19").pk).update(uid=uid)
    GameSession.objects.filter(pk=session_on(game, "03-19").pk).update(uid=uuid4())


def test_the_same_date_of_two_games_is_no_duplicate() -> None:
    venue = make_venue()

    assert session_on(full_game(venue), "03-12").pk != session_on(full_game(venue), "03-12").pk


def test_a_closure_that_ends_before_it_starts_is_refused() -> None:
    row = Closure(venue=make_venue(), first_date=march("03-12"), last_date=march("03-11"), reason="flood")

    with pytest.raises(IntegrityError, match="closure_ends_after_it_starts"), transaction.atomic():
        Closure.objects.bulk_create([row])
    row.last_date = row.first_date
    Closure.objects.bulk_create([row])


@pytest.mark.parametrize("day", [date(1899, 12, 31), date(2201, 1, 1)])
def test_a_date_that_no_calendar_holds_is_refused(day: date) -> None:
    game = make_game()

    with pytest.raises(IntegrityError, match="exception_date"), transaction.atomic():
        GameDate.objects.bulk_create([GameDate(game=game, date=day)])
    with pytest.raises(IntegrityError, match="closure_dates"), transaction.atomic():
        Closure.objects.bulk_create([Closure(venue=game.venue, first_date=day, last_date=day, reason="flood")])


def test_a_session_beyond_the_calendar_is_refused() -> None:
    session = session_on(full_game(), "03-12")

    with pytest.raises(IntegrityError, match="session_within_calendar"), transaction.atomic():
        GameSession.objects.filter(pk=session.pk).update(slot_date=date(2201, 1, 1))


def test_a_date_has_one_exception() -> None:
    game = make_game()
    GameDate.objects.bulk_create([GameDate(game=game, date=march("03-12"), kind="exclude")])

    with pytest.raises(IntegrityError, match="one_exception_a_date"), transaction.atomic():
        GameDate.objects.bulk_create([GameDate(game=game, date=march("03-12"), kind="add")])


def test_an_exception_excludes_or_adds() -> None:
    with pytest.raises(IntegrityError, match="exception_kind"), transaction.atomic():
        GameDate.objects.bulk_create([GameDate(game=make_game(), date=march("03-12"), kind="move")])


def test_a_slug_names_one_venue() -> None:
    make_venue(slug="star")

    with pytest.raises(IntegrityError, match="slug"), transaction.atomic():
        make_venue(slug="star")


def test_a_game_with_sessions_and_a_venue_with_games_stay_even_when_the_service_is_passed_by() -> None:
    game = full_game()
    for model, pk in ((Game, game.pk), (Venue, game.venue_id)):
        delete = f"delete from {model._meta.db_table} where id = {pk}; set constraints all immediate"
        with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
            connection.cursor().execute(delete)


def test_every_constraint_is_tried_here() -> None:
    tried = {name for name, *_ in REFUSED} | {
        "closure_dates",
        "closure_ends_after_it_starts",
        "exception_date",
        "session_within_calendar",
        "exception_kind",
        "one_exception_a_date",
        "one_session_a_slot",
        "session_cancelled_by_someone",
        "session_ends_after_start",
    }
    constraints = {
        constraint.name
        for model in apps.get_app_config("events").get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint | UniqueConstraint)
    }

    assert constraints == tried
