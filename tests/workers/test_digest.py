"""Each venue's e-mail in the morning."""

import smtplib
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from events import sessions
from events.models import Game, GameSession, Venue
from tests.factories import make_game, make_venue
from tests.workers.scheduled import at_once
from workers import digest
from workers.models import Digest

pytestmark = pytest.mark.django_db

SYDNEY = ZoneInfo("Australia/Sydney")
TUESDAY = date(2026, 3, 10)


def at(clock: str, zone: str = "Australia/Sydney", day: date = TUESDAY) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def make_contact(zone: str = "Australia/Sydney", **given: Any) -> Venue:
    return make_venue(zone, **{"contact_email": "desk@example.com", **given})


def fill(game: Game, day: date = TUESDAY) -> None:
    """Its sessions of the day, of the one before and of the one after."""
    sessions.create_sessions_for_game(game, sessions.window(day - timedelta(1), day + timedelta(1)), now=at("00:00"))


def body(venue: Venue, now: datetime | None = None) -> str:
    digest.send_due(now or at("07:00"))
    (sent,) = mail.outbox
    return str(sent.body)


# --- When -------------------------------------------------------------------------------------------------


def test_it_goes_to_the_venues_contact_and_names_venue_and_day() -> None:
    make_contact(name="The Star")

    assert digest.send_due(at("07:00")) == 1

    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["desk@example.com"], "The Star: Tuesday 10 March")


@pytest.mark.parametrize(
    ("clock", "sent"), [("06:59:59", 0), ("07:00", 1), ("07:15", 1), ("11:59:59", 1), ("12:00", 0), ("23:00", 0)]
)
def test_it_is_sent_from_seven_on_and_not_when_the_morning_is_over(clock: str, sent: int) -> None:
    make_contact()

    assert digest.send_due(at(clock)) == len(mail.outbox) == sent


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Kiritimati"],
)
@pytest.mark.parametrize("day", [TUESDAY, date(2026, 4, 5), date(2026, 10, 4), date(2026, 3, 8), date(2026, 11, 1)])
def test_checked_every_quarter_of_an_hour_it_goes_out_at_seven_of_each_zone(zone: str, day: date) -> None:
    make_contact(zone)
    seven = at("07:00", zone, day)
    noon_before = datetime.combine(day - timedelta(1), time(12), ZoneInfo(zone)).astimezone(UTC)
    Digest.objects.create(venue=Venue.objects.get(), date=day - timedelta(1))

    quarters = [noon_before + timedelta(minutes=15 * n) for n in range(24 * 4)]
    sent_at = [quarter for quarter in quarters if digest.send_due(quarter)]

    assert sent_at == [seven]


def test_each_venue_has_its_own_morning() -> None:
    for zone in ("Australia/Sydney", "Australia/Perth"):
        make_contact(zone, name=zone)

    for clock in ("07:00", "10:00"):
        digest.send_due(at(clock))

    assert [sent.subject.partition(":")[0] for sent in mail.outbox] == ["Australia/Sydney", "Australia/Perth"]


def test_it_is_sent_once_a_day() -> None:
    venue = make_contact()

    for clock in ("07:00", "07:15", "07:15", "11:45"):
        digest.send_due(at(clock))
    assert len(mail.outbox) == 1

    assert digest.send_due(at("07:00", day=TUESDAY + timedelta(1))) == 1
    assert list(Digest.objects.filter(venue=venue).order_by("date").values_list("date", flat=True)) == [
        TUESDAY,
        TUESDAY + timedelta(1),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_it_once() -> None:
    for _ in range(5):
        make_contact()

    sent = at_once(*[lambda: digest.send_due(at("07:00"))] * 3)

    assert sum(sent) == len(mail.outbox) == 5


@pytest.mark.parametrize("given", [{"contact_email": ""}, {"active": False}], ids=str)
def test_a_venue_without_contact_or_that_is_closed_gets_none(given: dict[str, Any]) -> None:
    make_contact(**given)

    assert digest.send_due(at("07:00")) == 0
    assert not Digest.objects.exists()


# --- What goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(), TimeoutError(), smtplib.SMTPRecipientsRefused({}), ValueError("bad header")]
)
def test_while_the_mail_server_is_down_it_is_noted_and_not_sent_later(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*args: Any, **kwargs: Any) -> int:
        raise error

    venue = make_contact()
    with monkeypatch.context() as patch:
        patch.setattr(digest, "send_mail", down)
        assert digest.send_due(at("07:00")) == 0
    assert f"The digest of {venue} was not sent" in caplog.text

    assert digest.send_due(at("07:15")) == 0  # it may have gone out all the same
    assert Digest.objects.filter(venue=venue, date=TUESDAY).exists()


def test_a_mail_server_that_is_not_there_is_no_error(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 1, False
    make_contact()

    assert digest.send_due(at("07:00")) == 0
    assert "ConnectionRefusedError" in caplog.text


@pytest.mark.parametrize("wrong", [{"contact_email": "two\nlines@example.com"}, {"zone": "Nowhere/Land"}], ids=str)
def test_a_venue_that_cannot_be_written_to_keeps_no_other_from_its_digest(wrong: dict[str, Any]) -> None:
    make_contact(**wrong)
    make_contact(name="The Star")

    assert digest.send_due(at("07:00")) == 1
    assert [sent.subject for sent in mail.outbox] == ["The Star: Tuesday 10 March"]


# --- What it says -----------------------------------------------------------------------------------------


def test_it_lists_todays_sessions_of_this_venue_by_their_time() -> None:
    venue = make_contact(name="The Star")
    fill(make_game(venue, name="NLHE", start_time=time(19)))
    fill(make_game(venue, name="Early Bird", start_time=time(9, 30)))
    fill(make_game(name="Elsewhere"))

    assert body(venue).rstrip() == (
        "The Star, Tuesday 10 March 2026 (times: Australia/Sydney)\n\n09:30  Early Bird\n19:00  NLHE"
    )


def test_today_is_the_venues_own_day_from_midnight_to_midnight() -> None:
    venue = make_contact("Pacific/Kiritimati")
    for clock in ("00:00", "23:59"):
        fill(make_game(venue, name=f"At {clock}", start_time=time.fromisoformat(clock)))
    now = at("07:00", "Pacific/Kiritimati")

    text = body(venue, now)

    assert text.count("At 00:00") == text.count("At 23:59") == 1
    assert "(times: Pacific/Kiritimati)" in text


def test_a_day_without_sessions_says_so() -> None:
    assert "Nothing is on today." in body(make_contact())


def test_cancelled_sessions_are_listed_with_the_reason() -> None:
    venue = make_contact()
    game = make_game(venue, name="Omaha", start_time=time(20))
    fill(game)
    GameSession.objects.filter(game=game, slot_date=TUESDAY).update(
        status="cancelled", cancelled_by="staff", cancel_reason="Dealer ill"
    )

    text = body(venue)

    assert "20:00  Omaha  CANCELLED: Dealer ill\n" in text


def test_games_that_cannot_be_generated_are_named_with_the_error() -> None:
    venue = make_contact()
    make_game(venue, name="Broken", generation_error="KeyError: 'x'")
    make_game(name="Elsewhere", generation_error="KeyError: 'y'")

    text = body(venue)

    assert "Edit each to try it again:\n- Broken: KeyError: 'x'\n" in text
    assert "Elsewhere" not in text


@pytest.mark.parametrize("status", ["paused", "archived"])
def test_a_game_that_nobody_wants_generated_is_not_named_for_an_old_error(status: str) -> None:
    venue = make_contact()
    make_game(venue, name="Retired", status=status, generation_error="KeyError: 'x'")

    assert "Retired" not in body(venue)


def test_a_day_on_which_nothing_failed_says_nothing_of_it() -> None:
    assert "cannot be put" not in body(make_contact())


def test_plain_text_is_not_escaped_as_html() -> None:
    venue = make_contact(name="Tom & Jerry's")
    fill(make_game(venue, name='<b>"Deep" & Slow</b>'))
    make_game(venue, name="A < B", generation_error="'x' > 'y'")

    text = body(venue)

    assert "Tom & Jerry's, Tuesday" in text
    assert '<b>"Deep" & Slow</b>' in text
    assert "- A < B: 'x' > 'y'" in text
    assert mail.outbox[0].message().get_content_type() == "text/plain"
