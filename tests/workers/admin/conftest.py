"""An operator signed in to the admin, one morning in Sydney."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.workers.bad_jobs import GOOD
from workers import jobs
from workers.models import ScheduledJob

NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
JOBS, RUNS = "/admin/workers/scheduledjob/", "/admin/workers/run/"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def desk() -> Client:
    user = User.objects.create_user("operator", is_staff=True)
    user.groups.add(Group.objects.get(name="operators"))
    return logged_in(user)


@pytest.fixture
def a_job() -> ScheduledJob:
    job = ScheduledJob(**GOOD)
    jobs.check(job, NOW)
    job.save(now=NOW)
    return job


def logged_in(user: User) -> Client:
    client = Client(headers={"x-forwarded-proto": "https"})
    client.force_login(user)
    return client


def form_of(spec: dict[str, Any]) -> dict[str, Any]:
    """A job's JSON as the admin's form sends it."""
    trigger = dict(spec["trigger"])
    sent = {
        "timezone": "Australia/Sydney",
        "max_instances": 1,
        "misfire_grace": 60,
        "jitter": 0,
        "catch_up": "latest",
        "enabled": "on",
        "args": [],
        "kwargs": {},
        "kind": trigger.pop("type"),
        **trigger,
        **{name: value for name, value in spec.items() if name != "trigger"},
    }
    for name in ("args", "kwargs"):
        sent[name] = json.dumps(sent[name])
    for name in ("start_at", "end_at"):
        if name in sent:
            at = datetime.fromisoformat(sent.pop(name))
            sent |= {f"{name}_0": f"{at:%Y-%m-%d}", f"{name}_1": f"{at:%H:%M}"}
    return sent


def press(desk: Client, address: str, **values: Any) -> str:
    """Confirm the dialog of a button; returns the page it leads to."""
    response = desk.post(address, {"_form_submitted": "on", **values})
    assert response.status_code == 200, response.status_code
    return str(response.headers.get("HX-Redirect", ""))
