"""Large bodies, deep ones, long addresses, far pages and floods: refused, each with its reason."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from server.floods import Allowance
from tests.factories import make_game, make_venue

pytestmark = pytest.mark.django_db

HTTPS = {"x-forwarded-proto": "https"}


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
@pytest.mark.parametrize("path", ["/api/v1/token/", "/admin/login/", "/"])
def test_a_large_body_is_refused_unread(path: str, kind: str) -> None:
    answer = Client(headers=HTTPS).generic("POST", path, b"x" * 1_000_001, content_type=kind)

    assert answer.status_code == 413
    assert "1000000 bytes" in answer.content.decode()
    assert (answer["Content-Type"] == "application/json") == path.startswith("/api/")


def test_a_body_within_the_limit_is_read() -> None:
    answer = Client(headers=HTTPS).generic("POST", "/api/v1/token/", b" " * 999_998 + b"{}", "application/json")

    assert answer.status_code == 400
    assert "username" in answer.json()


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, "NaN", '"\\ud800"', "\ufeff{}"])
def test_json_that_makes_no_sense_is_a_400(body: str) -> None:
    answer = Client(headers=HTTPS).generic("POST", "/api/v1/token/", body, "application/json")

    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])


@pytest.mark.parametrize(
    "query",
    [
        "page=99999999999999999999999999",
        "page=-1",
        "page_size=99999999",
        "page_size=99999999999999999999999999",
        "from=0001-01-01",
        "to=9999-12-31",
        "from=9999-12-31&to=0001-01-01",
        "venue=" + "x" * 3000,
        "venue=%00",
        "game=99999999999999999999999999",
        "&".join(f"p{n}=1" for n in range(2000)),
    ],
)
def test_no_query_makes_the_api_fail(query: str) -> None:
    make_game(make_venue()).save()

    answer = Client(headers=HTTPS).get(f"/api/v1/sessions/?{query}")

    assert answer.status_code in (200, 400, 404), answer.content
    assert len(answer.json().get("results", [])) <= 500


@pytest.mark.parametrize(
    "query", ["page=999999999", "page=99999", "month=2099-12", "month=9999-99", "buy_in=9e99", "%00"]
)
@pytest.mark.parametrize("path", ["/", "/venues/star/"])
def test_no_query_makes_a_page_fail(path: str, query: str) -> None:
    make_venue(slug="star")

    assert Client(headers=HTTPS).get(f"{path}?{query}").status_code == 200


def test_an_address_that_asks_too_often_waits_and_others_do_not(settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE = 5
    client = Client(headers=HTTPS)
    now = timezone.now()

    def ask(seen_from: str, path: str = "/") -> Any:
        return client.get(path, headers={"x-forwarded-for": seen_from})

    for path in ("/", "/api/v1/jobs/"):  # also who is not let in
        seen_from = f"198.51.100.{len(path)}"
        with time_machine.travel(now, tick=False):
            answers = [ask(f"10.0.0.{n}, {seen_from}", path).status_code for n in range(7)]
            assert answers[:5].count(429) == 0
            assert answers[5:] == [429, 429]
            assert ask(seen_from, path)["Retry-After"] == "12"
            assert ask("203.0.113.1").status_code == 200
        with time_machine.travel(now + timedelta(seconds=13), tick=False):
            assert [ask(seen_from, path).status_code == 429 for _ in range(2)] == [False, True]


def test_of_clients_that_come_no_more_nothing_is_kept() -> None:
    allowance = Allowance(per_minute=60)
    for n in range(100):
        allowance.take(f"client {n}", 1000.0)
    for _ in range(60):
        allowance.take("one that spends it all", 1050.0)

    allowance.take("another", 1061.0)

    assert set(allowance.left) == {"one that spends it all", "another"}


def test_threads_that_take_at_once_neither_fail_nor_get_more_than_there_is() -> None:
    allowance = Allowance(per_minute=60)
    for n in range(20_000):
        allowance.take(f"client {n}", 2000.0)

    def flood(thread: int) -> None:
        for n in range(10):
            allowance.take(f"client {thread} {n}", 1000.0 + n % 2 * 100)  # a clock that jumps, so that each sweeps

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(flood, range(8))) == [None] * 8
            waits = list(threads.map(lambda _: allowance.take("one", 9000.0), range(1000)))
    finally:
        sys.setswitchinterval(switching)

    assert waits.count(0.0) == 60


@pytest.mark.parametrize(
    ("proxies", "claimed", "seen"),
    [
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (1, "203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "", "127.0.0.1"),
        (1, "somewhere", "127.0.0.1"),
        (1, "203.0.113.9:5678", "203.0.113.9"),
        (1, "[2001:db8:1:2::9]:80", "2001:db8:1:2::"),
        (1, "[2001:db8:1:2::9]", "2001:db8:1:2::"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
    ],
)
def test_a_client_is_who_the_outermost_proxy_of_ours_saw(
    proxies: int, claimed: str, seen: str, settings: Any, rf: Any
) -> None:
    from server.clients import address

    settings.PROXIES = proxies

    assert address(rf.get("/", headers={"x-forwarded-for": claimed})) == seen
