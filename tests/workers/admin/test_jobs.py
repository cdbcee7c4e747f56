"""The page of a job: the same powers as over REST."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.workers.admin.conftest import JOBS, NOW, RUNS, form_of, logged_in, press
from tests.workers.bad_jobs import GOOD
from workers import jobs
from workers.models import Run, ScheduledJob

pytestmark = [pytest.mark.django_db]


def test_an_edit_is_saved_logged_and_works_out_the_next_run_anew(desk: Client, a_job: ScheduledJob) -> None:
    desk.post(f"{JOBS}a-job/change/", form_of(GOOD) | {"hour": "6"})

    a_job.refresh_from_db()
    assert a_job.next_run_at == datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
    assert LogEntry.objects.filter(object_id="a-job", user__username="operator").exists()


def test_the_panel_shows_the_trigger_in_words_and_its_next_ten_fires(desk: Client) -> None:
    shown = desk.post(f"{JOBS}next-fires/", form_of(GOOD)).content.decode()

    assert "at 05:00" in shown
    assert shown.count("<li>") == 10


def test_the_panel_counts_from_the_start_and_ends_with_the_end_that_are_being_entered(
    desk: Client, a_job: ScheduledJob
) -> None:
    between = {"start_at": "2026-12-01T09:00", "end_at": "2026-12-03T09:00"}
    spec = GOOD | {"trigger": {"type": "interval", "days": 1}} | between

    for address in (f"{JOBS}next-fires/", f"{JOBS}next-fires/?job=a-job"):
        shown = desk.post(address, form_of(spec)).content.decode()
        assert re.findall(r">([^<]+)</time>", shown) == [
            f"{day} Dec 2026 09:00:00 AEDT" for day in ("Tue 1", "Wed 2", "Thu 3")
        ]


def test_the_panel_says_what_is_wrong_while_the_form_is_half_filled(desk: Client) -> None:
    shown = desk.post(f"{JOBS}next-fires/", {"kind": "cron", "minute": "61"}).content.decode()

    assert "0 to 59" in shown


def test_run_now_pause_and_resume_are_buttons_that_are_logged(desk: Client, a_job: ScheduledJob) -> None:
    press(desk, f"{JOBS}a-job/run_now/")
    press(desk, f"{JOBS}a-job/pause/")
    a_job.refresh_from_db()
    paused = a_job.enabled
    press(desk, f"{JOBS}a-job/resume/")
    a_job.refresh_from_db()

    assert (paused, a_job.enabled) == (False, True)
    assert Run.objects.get(job=a_job).by == "operator"
    said = set(LogEntry.objects.filter(object_id="a-job").values_list("change_message", flat=True))
    assert said == {"Asked to run now.", "Paused.", "Resumed."}


def test_the_list_leads_to_a_job_whose_buttons_work_whatever_its_name(desk: Client) -> None:
    (page,) = re.findall(rf'href="({JOBS}prune[^"]+/change/)[^"]*"', desk.get(JOBS).content.decode())
    shown = desk.get(page).content.decode()
    buttons = set(re.findall(rf'"({JOBS}prune[^"]+/(?:run_now|pause|resume)/)"', shown))
    assert buttons == {f"{JOBS}prune_history/run_now/", f"{JOBS}prune_history/pause/"}

    press(desk, f"{JOBS}prune_history/run_now/")

    assert Run.objects.get().job_id == "prune_history"


def test_a_button_only_asks_until_it_is_confirmed(desk: Client, a_job: ScheduledJob) -> None:
    response = desk.get(f"{JOBS}a-job/run_now/")

    assert b"Run it now?" in response.content
    assert not Run.objects.exists()


def test_paused_until_a_time_to_come(desk: Client, a_job: ScheduledJob) -> None:
    press(desk, f"{JOBS}a-job/pause/", until_0="2026-12-01", until_1="12:00")
    stays = desk.post(f"{JOBS}a-job/pause/", {"_form_submitted": "on", "until_0": "2020-01-01", "until_1": "12:00"})

    a_job.refresh_from_db()
    assert a_job.paused_until == datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    assert b"in the past" in stays.content


def test_a_job_is_paused_until_a_time_of_its_own_zone(desk: Client, a_job: ScheduledJob) -> None:
    ScheduledJob.objects.update(timezone="America/New_York")  # where it is 19:00 on the 23rd

    past = desk.post(f"{JOBS}a-job/pause/", {"_form_submitted": "on", "until_0": "2026-11-23", "until_1": "18:59"})
    page = desk.get(press(desk, f"{JOBS}a-job/pause/", until_0="2026-11-23", until_1="20:00")).content.decode()

    a_job.refresh_from_db()
    assert b"in the past" in past.content
    assert a_job.paused_until == datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert "Paused until 2026-11-23 20:00 EST." in page


def test_an_instant_that_is_only_shown_carries_its_zone(desk: Client) -> None:
    until = {"until_0": "2026-12-01", "until_1": "12:00"}
    press(desk, f"{JOBS}prune_history/pause/", **until)

    assert "1 Dec 2026, 12:00:00 AEDT" in desk.get(f"{JOBS}prune_history/change/").content.decode()
    assert "2 Dec 2026, 03:30:00 AEDT" in desk.get(JOBS).content.decode()


def test_a_job_of_the_code_is_read_paused_and_run_but_not_edited_or_deleted(desk: Client) -> None:
    page = desk.get(f"{JOBS}prune_history/change/")
    press(desk, f"{JOBS}prune_history/pause/")
    edited = desk.post(f"{JOBS}prune_history/change/", form_of(GOOD))
    deleted = desk.post(f"{JOBS}prune_history/delete/", {"post": "yes"})

    assert page.status_code == 200
    assert "at 03:30" in page.content.decode()
    assert (edited.status_code, deleted.status_code) == (403, 403)
    job = ScheduledJob.objects.get(pk="prune_history")
    assert (job.enabled, job.trigger["hour"]) == (False, 3)


@pytest.mark.parametrize("path", [JOBS, f"{JOBS}add/", f"{JOBS}a-job/change/", f"{JOBS}next-fires/", RUNS])
def test_staff_without_permission_see_nothing_of_it(a_job: ScheduledJob, path: str) -> None:
    assert logged_in(User.objects.create_user("other", is_staff=True)).get(path).status_code == 403


@pytest.mark.parametrize("button", ["run_now", "pause", "resume"])
def test_who_may_only_look_has_no_buttons(a_job: ScheduledJob, button: str) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_scheduledjob"))

    assert logged_in(viewer).post(f"{JOBS}a-job/{button}/", {"_form_submitted": "on"}).status_code == 403
    assert not Run.objects.exists()


def test_a_list_of_jobs_costs_the_same_however_many_there_are(desk: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        job = ScheduledJob(**GOOD | {"id": f"job-{number}"})
        jobs.check(job, NOW)
        job.save(now=NOW)

    with django_assert_max_num_queries(12):
        assert desk.get(JOBS).status_code == 200
