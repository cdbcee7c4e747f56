"""Instants over REST."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.workers.api.conftest import JOBS, NOW, RUNS, add, failed_run
from workers.models import Run

pytestmark = [pytest.mark.django_db]


def test_every_instant_is_answered_in_utc(operator: APIClient) -> None:
    add(operator, start_at="2026-11-25T00:00:00+11:00")
    run = failed_run()
    Run.objects.filter(pk=run.pk).update(cause="manual", slot=NOW)

    job, listed = operator.get(f"{JOBS}a-job/").json(), operator.get(f"{RUNS}{run.pk}/").json()

    assert (job["start_at"], job["last_run"]["finished_at"]) == ("2026-11-24T13:00:00Z", "2026-11-24T00:00:00Z")
    assert (listed["slot"], listed["due_at"]) == ("2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z")
