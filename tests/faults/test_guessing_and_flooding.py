"""Somebody guesses passwords, and somebody asks without end: both are stopped, and nobody else notices."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from events.models import Venue
from tests.factories import make_games, make_venue
from tests.faults.conftest import Start, Trial
from tests.faults.web import Client, serve
from tests.processes import Clock

PER_SECOND, CONNECTIONS = 200, 8

#: What is flooded, each by ten seconds' worth of requests, however long a busy machine takes to answer them.
FLOODED = ("/api/v1/sessions/", "/")
REQUESTS = 10 * PER_SECOND
OTHERS = 4

#: How long somebody else may wait for a page while it goes on, in seconds.
PATIENCE = 10.0


@dataclass
class Asked:
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    seconds: float = 0.0

    @property
    def allowance(self) -> float:
        """How many of one address's requests the two web processes let in meanwhile."""
        return 2 * settings.REQUESTS_PER_MINUTE * (1 + self.seconds / 60)


def ask(client: Client, path: str, every: float, asked: Asked, goes_on: Callable[[], bool]) -> None:
    """Ask at a steady pace, whatever comes back; what could not be asked in time is asked at once."""
    due = time.monotonic()
    with client:
        while goes_on():
            begun = time.monotonic()
            asked.statuses[client.ask(path)] += 1
            asked.slowest = max(asked.slowest, time.monotonic() - begun)
            due += every
            time.sleep(max(0.0, due - time.monotonic()))


def flood(port: int, path: str, subnet: str) -> tuple[Asked, Asked]:
    """One address asks 200 times a second while others ask once in half a second: what each was answered."""
    began = time.monotonic()
    flooding, others = Asked(), Asked()

    def goes_on() -> bool:
        return flooding.statuses.total() < REQUESTS

    one = [(f"{subnet}.1", CONNECTIONS / PER_SECOND, flooding)] * CONNECTIONS
    each = [(f"{subnet}.{n + 2}", 0.5, others) for n in range(OTHERS)]
    threads = [
        threading.Thread(target=ask, args=(Client(port, seen_from), path, every, asked, goes_on))
        for seen_from, every, asked in one + each
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flooding.seconds = time.monotonic() - began
    return flooding, others


def guess(port: int) -> list[int]:
    """Eleven passwords for one name, the last of them right; then the right one from elsewhere."""
    known = {"username": "manager", "password": "a long password"}
    tried = [{**known, "password": f"wrong {n}"} for n in range(10)]
    with Client(port, "203.0.113.66") as attacker, Client(port, "203.0.113.9") as manager:
        answers = [attacker.ask("/api/v1/token/", given) for given in [*tried, known]]
        return [*answers, manager.ask("/api/v1/token/", known)]


@pytest.mark.fault(
    "ten wrong passwords; 200 requests a second by one client", passes="locked; throttled; others served"
)
def test_guessing_and_flooding(trial: Trial, start: Start) -> None:
    venue: Venue = make_venue(slug="star")
    for game in make_games(20, venue):
        game.save()
    User.objects.create_user("manager", password="a long password")
    port = serve(start, Clock(datetime.now(UTC)))

    guesses = guess(port)
    trial.found(part="guessing", trials=len(guesses), unexpected=guesses.count(500), note=f"answers {guesses}")
    floods = {path: flood(port, path, f"198.51.{n}") for n, path in enumerate(FLOODED)}
    for path, (flooding, others) in floods.items():
        asked = sum(flooding.statuses.values())
        trial.found(
            part=f"flooding {path}",
            trials=asked,
            lost=sum(count for status, count in others.statuses.items() if status != 200),
            unexpected=sum(count for status, count in flooding.statuses.items() if status not in (200, 429)),
            seconds=others.slowest,
            note=f"{flooding.statuses[429]} of {asked} throttled; others' slowest answer {others.slowest:.2f} s",
        )

    assert guesses == [400] * 9 + [429, 429, 200]
    for path, (flooding, others) in floods.items():
        assert set(flooding.statuses) == {200, 429}, f"{path}: {flooding.statuses}"
        assert flooding.statuses[200] <= flooding.allowance, f"{path}: {flooding.statuses}"
        assert set(others.statuses) == {200}, f"{path}: others got {others.statuses}"
        assert others.slowest < PATIENCE, f"{path}: others waited {others.slowest:.2f} s"
