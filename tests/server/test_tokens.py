"""Tokens are shown once, and revoked by their user or by an operator."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def token() -> Token:
    return Token.objects.create(user=User.objects.create_user("ann", is_staff=True, is_superuser=True))


def with_token(key: str) -> APIClient:
    return APIClient(headers={"x-forwarded-proto": "https", "authorization": f"Token {key}"})


def desk_of(user: User) -> Client:
    client = Client(headers={"x-forwarded-proto": "https"})
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    user = User.objects.create_user("operator", is_staff=True)
    user.groups.add(Group.objects.get(name="operators"))
    return desk_of(user)


def test_a_user_revokes_their_own(token: Token) -> None:
    other = Token.objects.create(user=User.objects.create_user("bob"))

    assert with_token(token.key).delete("/api/v1/token/").status_code == 204

    assert with_token(token.key).get("/api/v1/jobs/").status_code == 401
    assert list(Token.objects.all()) == [other]


def test_who_has_none_has_none_to_revoke(token: Token) -> None:
    assert APIClient(headers={"x-forwarded-proto": "https"}).delete("/api/v1/token/").status_code == 401
    assert Token.objects.exists()


def test_an_operator_revokes_it(token: Token, operator: Client) -> None:
    address = f"/admin/authtoken/tokenproxy/{token.user_id}"
    pages = [operator.get(f"{address}/change/"), operator.get(f"{address}/delete/")]
    assert [page.status_code for page in pages] == [200, 200]

    operator.post(f"{address}/delete/", {"post": "yes"})

    assert with_token(token.key).get("/api/v1/jobs/").status_code == 401


def test_one_who_left_gets_in_by_no_token(token: Token) -> None:
    client = with_token(token.key)
    assert client.get("/api/v1/jobs/").status_code == 200

    User.objects.update(is_active=False)

    assert client.get("/api/v1/jobs/").status_code == 401
    assert client.get("/api/v1/venues/").status_code == 401


def test_a_key_is_shown_when_it_is_made_and_never_again(admin_user: User) -> None:
    desk, ann = desk_of(admin_user), User.objects.create_user("ann")

    made = desk.post("/admin/authtoken/tokenproxy/add/", {"user": ann.pk}, follow=True)

    key = Token.objects.get().key
    assert key in made.content.decode()
    addresses = ("authtoken/tokenproxy/", f"authtoken/tokenproxy/{ann.pk}/change/", f"auth/user/{ann.pk}/delete/", "")
    pages = [desk.get(f"/admin/{address}") for address in addresses]
    assert [page.status_code for page in pages] == [200] * 4
    assert not [page for page in pages if key in page.content.decode()]
    assert key not in repr(list(LogEntry.objects.values()))


def test_the_pages_of_people_are_of_one_piece_with_the_others(admin_user: User, token: Token) -> None:
    desk = desk_of(admin_user)
    for address in ("user/", "user/add/", f"user/{admin_user.pk}/change/", f"user/{admin_user.pk}/password/", "group/"):
        page = desk.get(f"/admin/auth/{address}")
        assert page.status_code == 200
        assert "unfold" in page.content.decode()
    assert "ann" in desk.get("/admin/authtoken/tokenproxy/?q=an").content.decode()


@pytest.mark.parametrize("name", ["", "group/add/"])
def test_operators_make_no_users_for_themselves(operator: Client, name: str) -> None:
    assert operator.get(f"/admin/auth/user/{name}").status_code in (403, 302)
