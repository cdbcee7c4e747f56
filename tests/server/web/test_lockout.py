"""Who guesses passwords is locked out, on the admin and over REST alike, and nobody else is."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

pytestmark = pytest.mark.django_db

RIGHT, WRONG = "a long password", "wrong-and-marked"


@pytest.fixture(autouse=True)
def ann(settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a real one takes its time
    return User.objects.create_user("ann", password=RIGHT, is_staff=True)


def sign_in(door: str, password: str, name: str = "ann", seen_from: str = "203.0.113.9", **headers: str) -> Any:
    """Try a password as a client whom the platform's router saw at an address."""
    client = Client(headers={"x-forwarded-proto": "https", "x-forwarded-for": seen_from, **headers})
    given = {"username": name, "password": password}
    if door == "admin":
        return client.post("/admin/login/", given)
    return client.post("/api/v1/token/", given, content_type="application/json")


def is_in(response: Any) -> bool:
    return response.status_code == 302 or "token" in response.content.decode()


def guess_ten_times(door: str, **whence: str) -> list[int]:
    return [sign_in(door, WRONG, **whence).status_code for _ in range(10)]


DOORS = pytest.mark.parametrize("door", ["admin", "token"])


@DOORS
def test_the_tenth_wrong_password_locks_and_the_right_one_opens_no_more(door: str) -> None:
    refused = 200 if door == "admin" else 400

    assert guess_ten_times(door) == [refused] * 9 + [429]
    assert [sign_in(other, RIGHT).status_code for other in ("admin", "token")] == [429, 429]


@DOORS
def test_nine_wrong_passwords_do_not_lock_and_the_right_one_makes_them_forgotten(door: str) -> None:
    for _ in range(2):
        for _ in range(9):
            sign_in(door, WRONG)
        assert is_in(sign_in(door, RIGHT))


@DOORS
def test_a_client_cannot_dodge_the_lock_by_claiming_to_be_another(door: str) -> None:
    for n in range(10):
        sign_in(door, WRONG, seen_from=f"198.51.100.{n}, 203.0.113.9", **{"user-agent": f"agent {n}"})

    assert sign_in(door, RIGHT, seen_from="198.51.100.77, 203.0.113.9").status_code == 429


def test_nor_by_the_many_addresses_that_one_has_of_ipv6() -> None:
    for n in range(10):
        sign_in("token", WRONG, seen_from=f"2001:db8:1:2::{n}")

    assert sign_in("token", RIGHT, seen_from="2001:db8:1:2:ffff::1").status_code == 429
    assert is_in(sign_in("token", RIGHT, seen_from="2001:db8:1:3::1"))


@DOORS
def test_nobody_can_be_locked_out_from_elsewhere_or_at_somebody_elses_address(door: str) -> None:
    User.objects.create_user("bob", password=RIGHT, is_staff=True)
    guess_ten_times(door, seen_from="198.51.100.7, 203.0.113.66")

    assert is_in(sign_in(door, RIGHT, seen_from="203.0.113.9"))
    assert is_in(sign_in(door, RIGHT, seen_from="198.51.100.7"))
    assert is_in(sign_in(door, RIGHT, name="bob", seen_from="203.0.113.66"))


def test_who_is_locked_out_is_told_when_to_try_again() -> None:
    guess_ten_times("token")

    page, answer = sign_in("admin", RIGHT), sign_in("token", RIGHT)

    assert "Too many wrong passwords" in page.content.decode()
    assert "Try again in 15 minutes" in page.content.decode()
    assert list(answer.json()) == ["detail"]
    assert "in 15 minutes" in answer.json()["detail"]
    assert 890 <= int(answer["Retry-After"]) <= 900


def test_the_lock_opens_by_itself_and_asking_does_not_prolong_it() -> None:
    begun = timezone.now()
    guess_ten_times("token")

    with time_machine.travel(begun + timedelta(minutes=14), tick=False):
        assert sign_in("token", RIGHT).status_code == 429
    with time_machine.travel(begun + timedelta(minutes=15, seconds=5), tick=False):
        assert is_in(sign_in("token", RIGHT))


@pytest.mark.parametrize("command", ["axes_reset_ip_username 203.0.113.9 ann", "axes_reset_username ann"])
def test_a_command_unlocks(command: str) -> None:
    guess_ten_times("admin")

    call_command(*command.split())

    assert is_in(sign_in("admin", RIGHT))


def test_an_operator_unlocks_in_the_admin(admin_client: Client) -> None:
    guess_ten_times("admin")
    tried = AccessAttempt.objects.get()
    desk = {"headers": {"x-forwarded-proto": "https"}}

    assert "locked" in admin_client.get("/admin/axes/accessattempt/", **desk).content.decode().lower()  # type: ignore[arg-type]
    admin_client.post(f"/admin/axes/accessattempt/{tried.pk}/delete/", {"post": "yes"}, **desk)  # type: ignore[arg-type]

    assert is_in(sign_in("admin", RIGHT))


def guess_with_programs(*numbers: int) -> None:
    """So many wrong passwords with the first program, so many with the second."""
    for n, number in enumerate(numbers):
        for _ in range(number):
            sign_in("token", WRONG, **{"user-agent": f"program {n}"})


def states(desk: Client) -> list[str]:
    page = desk.get("/admin/axes/accessattempt/", headers={"x-forwarded-proto": "https"})
    return [page.context["cl"].model_admin.state(row) for row in page.context["cl"].result_list]


def test_the_admin_counts_together_what_the_lock_does(admin_client: Client) -> None:
    guess_with_programs(9)
    sign_in("token", WRONG, name="bob")
    assert states(admin_client) == ["open", "open"]

    guess_with_programs(0, 1)

    assert sorted(states(admin_client)) == ["locked", "locked", "open"]


def test_the_admin_says_when_the_lock_is_over(admin_client: Client) -> None:
    begun = timezone.now()
    guess_with_programs(10)
    assert states(admin_client) == ["locked"]

    with time_machine.travel(begun + timedelta(minutes=15, seconds=5), tick=False):
        assert states(admin_client) == ["open"]


@pytest.mark.parametrize("whole_list", [False, True])
def test_one_row_of_several_unlocks_in_the_admin_and_only_its_name(admin_client: Client, whole_list: bool) -> None:
    guess_with_programs(5, 5)
    sign_in("token", WRONG, name="bob")
    row = AccessAttempt.objects.filter(username="ann").first()
    assert row

    given = {"action": "delete_selected", "_selected_action": row.pk} if whole_list else {}
    path = "/admin/axes/accessattempt/" + ("" if whole_list else f"{row.pk}/delete/")
    answer = admin_client.post(path, {**given, "post": "yes"}, headers={"x-forwarded-proto": "https"})

    assert answer.status_code == 302
    assert [tried.username for tried in AccessAttempt.objects.all()] == ["bob"]
    assert is_in(sign_in("token", RIGHT))


def test_no_password_is_kept_or_logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    for door in ("admin", "token"):
        guess_ten_times(door, seen_from="203.0.113.1" if door == "admin" else "203.0.113.2")

    kept = repr(list(AccessAttempt.objects.values()))
    assert "ann" in kept
    printed = capsys.readouterr()
    assert WRONG not in kept + caplog.text + printed.out + printed.err


@DOORS
@pytest.mark.parametrize("name", ["n" * 300, "a\0b", "", "<b>"], ids=["long", "nul", "empty", "markup"])
def test_names_that_nobody_can_have_are_refused_as_others(door: str, name: str) -> None:
    assert sign_in(door, WRONG, name=name).status_code == (200 if door == "admin" else 400)


def test_an_address_that_is_none_is_counted_as_the_proxys() -> None:
    assert guess_ten_times("token", seen_from="unknown")[-1] == 429


def test_trying_many_names_is_slowed_down_too() -> None:
    client = Client(headers={"x-forwarded-proto": "https"})

    def guess(name: str) -> int:
        given = {"username": name, "password": WRONG}
        return client.post("/api/v1/token/", given, content_type="application/json").status_code

    assert [guess(f"name-{n}") for n in range(31)] == [400] * 30 + [429]
    assert client.get("/api/v1/venues/").status_code == 200
