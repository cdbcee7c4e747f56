"""Requests that the schema allows, and requests that it does not, as nobody, as a manager and as staff: none fails."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from django.contrib.auth.models import User
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from rest_framework.authtoken.models import Token
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from events.models import Closure, Game, GameSession, Venue
from tests.factories import make_game, make_venue
from tests.faults.conftest import Start, Trial
from tests.faults.web import serve
from tests.processes import Clock
from workers.models import Run, ScheduledJob

CASES = 5000

#: For each operation, kind of user and manner of making them.
EXAMPLES = 22

#: What chance would hardly find: with these a body gets past the first checks.
KNOWN = {
    "venue": "star",
    "timezone": "Australia/Sydney",
    "holiday_region": "AU-NSW",
    "actor": "prune_history",
    "args": [],
    "kwargs": {},
    "trigger": {"type": "interval", "hours": 12},
}

#: What is deleted is gone for all that comes after.
ORDER = ("get", "post", "patch", "put", "delete")

once = hypothesis.settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Answers:
    """What was answered, and which requests failed."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def users(transactional_db: None) -> dict[str, dict[str, str]]:
    """The headers by which each kind of user is known."""
    venue = make_venue(slug="star", holiday_region="AU-NSW")
    manager = User.objects.create_user("manager")
    manager.venues.add(venue)
    staff = User.objects.create_superuser("staff")
    keys = {name: Token.objects.create(user=user).key for name, user in (("manager", manager), ("staff", staff))}
    return {"nobody": {}, **{name: {"Authorization": f"Token {key}"} for name, key in keys.items()}}


@pytest.fixture
def rows(users: dict[str, dict[str, str]]) -> dict[str, Any]:
    """A row of each kind that an address can name."""
    venue = Venue.objects.get()
    game: Game = make_game(venue)
    game.save()
    closure = Closure(venue=venue, first_date=date(2027, 1, 1), last_date=date(2027, 1, 2), reason="works")
    closure.save()
    now = datetime.now(UTC)
    trigger = {"type": "interval", "hours": 12}
    job = ScheduledJob.objects.create(id="a-job", actor="prune_history", trigger=trigger, anchor=now)
    over = {"state": "failed", "due_at": now, "created_at": now, "started_at": now, "finished_at": now, "attempts": 3}
    run = Run.objects.create(job=job, actor=job.actor, **over)
    session = GameSession.objects.order_by("starts_at")[3]
    of = {"venues": venue.slug, "games": game, "sessions": session, "closures": closure, "jobs": job, "runs": run}
    return {name: getattr(row, "pk", row) for name, row in of.items()}


def named(operation: Any, rows: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an operation's address, so that it names a row that is there."""
    names = [parameter.name for parameter in operation.path_parameters]
    return {name: rows[operation.path.split("/")[3]] for name in names}


def probe(operation: Any, headers: dict[str, str], session: requests.Session, rows: dict[str, Any]) -> Answers:
    """Requests of each manner: to a row that is there, to whatever the schema allows, to what it does not."""
    answers = Answers()

    def send(case: Any) -> None:
        if case.meta.generation.mode is GenerationMode.POSITIVE and isinstance(case.body, dict):
            case.body = {name: KNOWN.get(name, value) for name, value in case.body.items()}
        response = case.call(session=session, headers={"X-Forwarded-Proto": "https", **headers}, timeout=30)
        answers.statuses[response.status_code] += 1
        if response.status_code >= 500:
            answers.failures[f"{case.method} {operation.path}"] = case.as_curl_command()

    fixed = named(operation, rows)
    manners = [
        operation.as_strategy(GenerationMode.POSITIVE, **({"path_parameters": fixed} if fixed else {})),
        operation.as_strategy(GenerationMode.NEGATIVE, **({"path_parameters": fixed} if fixed else {})),
    ]
    if fixed:
        manners.append(operation.as_strategy(GenerationMode.POSITIVE))
    for cases in manners:
        with suppress(Unsatisfiable):  # what takes no parameter cannot be given a wrong one
            once(hypothesis.given(cases)(send))()
    return answers


@pytest.mark.fault(
    "schemathesis over the schema as nobody, manager and staff, ≥ 5,000 cases", passes="0 answers of 500"
)
def test_fuzzed_api(trial: Trial, start: Start, users: dict[str, dict[str, str]], rows: dict[str, Any]) -> None:
    began = time.monotonic()
    unlimited = {"API_REQUESTS_PER_MINUTE": "1000000", "REQUESTS_PER_MINUTE": "1000000"}
    site = f"http://127.0.0.1:{serve(start, Clock(datetime.now(UTC)), **unlimited)}"
    schema = schemathesis.openapi.from_url(
        f"{site}/api/schema/?format=json", headers={"X-Forwarded-Proto": "https", **users["staff"]}
    )
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    operations.sort(key=lambda operation: ORDER.index(operation.method))

    statuses: Counter[int] = Counter()
    failures: dict[str, str] = {}
    with requests.Session() as session:
        for operation in operations:
            for headers in users.values():
                answers = probe(operation, headers, session, rows)
                statuses += answers.statuses
                failures |= answers.failures

    failed = sum(count for status, count in statuses.items() if status >= 500)
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    trial.found(trials=statuses.total(), unexpected=failed, seconds=time.monotonic() - began, note=told)
    assert not failures, "\n".join(failures.values())
    assert statuses.total() >= CASES
    assert min(statuses[status] for status in (200, 201, 204, 400, 401, 403, 404)) > 0, told
