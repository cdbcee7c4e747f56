"""Runs over REST."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from tests.workers.api.conftest import JOBS, NOW, RUNS, add, failed_run
from workers import runs
from workers.models import Run

pytestmark = [pytest.mark.django_db]


def test_runs_are_filtered_by_job_state_and_time(operator: APIClient) -> None:
    add(operator)
    failed = failed_run()
    queued = operator.post(f"{JOBS}a-job/run/").json()

    def ids(query: str) -> list[str]:
        return [run["id"] for run in operator.get(f"{RUNS}?job=a-job&{query}").json()["results"]]

    assert set(ids("")) == {str(failed.pk), queued["id"]}
    assert ids("state=failed") == [str(failed.pk)]
    assert ids("created_after=2030-01-01T00:00:00Z") == []
    assert operator.get(f"{RUNS}?state=lost").status_code == 400


def test_a_failed_run_is_retried_as_a_new_one(operator: APIClient) -> None:
    add(operator)
    failed = failed_run()

    again = operator.post(f"{RUNS}{failed.pk}/retry/")

    assert (again.status_code, again.json()["cause"], again.json()["reason"]) == (202, "retry", f"retry of {failed.pk}")
    assert again.json()["retry_of"] == str(failed.pk)  # which stays when the reason is overwritten
    failed.refresh_from_db()
    assert failed.state == "failed"


def test_runs_written_at_one_time_are_listed_by_when_they_are_due_the_latest_first(operator: APIClient) -> None:
    late = [NOW + timedelta(seconds=seconds) for seconds in (20, 0, 30, 10)]
    Run.objects.bulk_create(Run(actor="scheduled_job", created_at=NOW, due_at=at) for at in late)

    listed = [run["due_at"][-3:-1] for run in operator.get(RUNS).json()["results"]]

    assert listed == ["30", "20", "10", "00"]


def test_runs_of_an_unknown_job_are_asked_for_in_vain(operator: APIClient) -> None:
    response = operator.get(f"{RUNS}?job=nonesuch")

    assert (response.status_code, response.json()) == (400, {"job": ['There is no job "nonesuch".']})


def test_a_run_that_is_not_over_cannot_be_retried(operator: APIClient) -> None:
    add(operator)
    queued = operator.post(f"{JOBS}a-job/run/").json()

    response = operator.post(f"{RUNS}{queued['id']}/retry/")

    assert (response.status_code, list(response.json())) == (400, ["state"])


def test_a_result_and_a_traceback_are_shown(operator: APIClient) -> None:
    add(operator)
    failed = failed_run()
    run = runs.ask("scheduled_job", [], {}, job=None, by="", now=NOW)
    runs.succeed(claimed(run), {"sent": 3}, NOW)

    assert operator.get(f"{RUNS}{failed.pk}/").json()["error"] == "Traceback …"
    assert operator.get(f"{RUNS}{run.pk}/").json()["result"] == {"sent": 3}


def claimed(run: Run) -> Run:
    held = runs.claim(run.pk, 0, "message", NOW)
    assert held
    return held
