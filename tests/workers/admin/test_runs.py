"""The page of a run: read only, but for the button that does it again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.workers.admin.conftest import JOBS, NOW, RUNS, press
from workers.models import Run, ScheduledJob

pytestmark = [pytest.mark.django_db]


def test_runs_are_read_only_with_their_traceback_escaped_and_can_be_retried(desk: Client, a_job: ScheduledJob) -> None:
    failed = Run.objects.create(
        job=a_job,
        actor=a_job.actor,
        state="failed",
        created_at=NOW,
        due_at=NOW,
        finished_at=NOW,
        error="Traceback <script>alert(1)</script>",
    )

    page = desk.get(f"{RUNS}{failed.pk}/change/").content.decode()
    leads_to = press(desk, f"{RUNS}{failed.pk}/retry/")

    assert "Traceback &lt;script&gt;" in page
    assert "<script>alert" not in page
    again = Run.objects.get(cause="retry")
    assert (again.by, str(again.pk) in leads_to) == ("operator", True)
    page = desk.get(f"{RUNS}{again.pk}/change/").content.decode()
    assert f'href="{RUNS}{failed.pk}/change/"' in page.replace("'", '"')  # the run that it does again
    assert "24 Nov 2026, 11:00:00 AEDT" in page
    assert desk.get(f"{RUNS}add/").status_code == 403
    assert desk.post(f"{RUNS}{failed.pk}/change/", {}).status_code == 403
    assert desk.post(f"{RUNS}{failed.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_run_is_found_by_the_id_that_a_mail_names_by_its_job_and_by_its_actor(
    desk: Client, a_job: ScheduledJob
) -> None:
    times = {"created_at": NOW, "due_at": NOW}
    run = Run.objects.create(job=a_job, actor=a_job.actor, **times)
    other = Run.objects.create(actor="another", **times)

    def found(term: str) -> set[Any]:
        return set(desk.get(RUNS, {"q": term}).context["cl"].queryset.values_list("pk", flat=True))

    assert found(f" {run.pk} ") == {run.pk}
    assert found("a-job") == {run.pk}
    assert found("another") == {other.pk}
    assert found("12345678") == set()


def test_a_run_that_is_not_over_is_not_retried(desk: Client, a_job: ScheduledJob) -> None:
    press(desk, f"{JOBS}a-job/run_now/")

    press(desk, f"{RUNS}{Run.objects.get().pk}/retry/")

    assert Run.objects.count() == 1
