"""An operator who calls the REST API, one morning in Sydney."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.workers.bad_jobs import GOOD
from workers.models import Run, ScheduledJob

NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
JOBS, RUNS = "/api/v1/jobs/", "/api/v1/runs/"


@pytest.fixture(autouse=True)
def clock() -> Any:
    cache.clear()  # of the throttle
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def operator() -> APIClient:
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="workers"))
    return client_of(user)


def client_of(user: User | None) -> APIClient:
    client = APIClient(headers={"x-forwarded-proto": "https"})  # as the platform's router says
    client.force_authenticate(user)
    return client


def add(client: APIClient, **values: Any) -> Any:
    response = client.post(JOBS, GOOD | values)
    assert response.status_code == 201, response.content
    return response.json()


def failed_run() -> Run:
    job = ScheduledJob.objects.get(pk="a-job")
    return Run.objects.create(
        job=job, actor=job.actor, state="failed", created_at=NOW, due_at=NOW, finished_at=NOW, error="Traceback …"
    )
