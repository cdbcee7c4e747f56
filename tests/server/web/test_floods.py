"""A client that asks too often is refused for a while."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from server.web.floods import Allowance

HTTPS = {"x-forwarded-proto": "https"}


@pytest.mark.django_db
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
