"""The operator's desk in the admin: the same powers and the same validation as REST."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from tests.workers.bad_jobs import BAD, GOOD
from workers import jobs
from workers.models import Run, ScheduledJob
from workers.triggers import CRON_FIELDS, INTERVAL_FIELDS

NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
JOBS, RUNS = "/admin/workers/scheduledjob/", "/admin/workers/run/"

pytestmark = [pytest.mark.django_db]

#: What the form has no way to say, or says in words of its own.
NOT_IN_A_FORM = {"an unknown field of a trigger"}
IN_OTHER_WORDS = {
    "an actor that is not on the list": "not one of the available choices",
    "an unknown type of trigger": "not one of the available choices",
    "an interval of nothing": "needs one of",
}


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def desk() -> Client:
    user = User.objects.create_user("operator", is_staff=True)
    user.groups.add(Group.objects.get(name="operators"))
    return logged_in(user)


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


@pytest.fixture
def a_job() -> ScheduledJob:
    job = ScheduledJob(**GOOD)
    jobs.check(job, NOW)
    job.save(now=NOW)
    return job


def press(desk: Client, address: str, **values: Any) -> str:
    """Confirm the dialog of a button; returns the page it leads to."""
    response = desk.post(address, {"_form_submitted": "on", **values})
    assert response.status_code == 200, response.status_code
    return str(response.headers.get("HX-Redirect", ""))


@pytest.mark.parametrize(
    "trigger",
    [
        {"type": "interval", "hours": 12},
        {"type": "cron", "hour": "5", "day_of_week": "mon-fri"},
        {"type": "cron", "expression": "0 5 * * mon-fri"},
        {"type": "date", "run_date": "2026-12-24T19:00:00"},
    ],
)
def test_the_template_can_be_put_on_each_trigger(desk: Client, trigger: dict[str, Any]) -> None:
    response = desk.post(f"{JOBS}add/", form_of(GOOD | {"trigger": trigger}))

    assert response.status_code == 302, response.context["adminform"].form.errors
    job = ScheduledJob.objects.get(pk="a-job")
    assert (job.trigger, job.origin) == (trigger, "staff")
    assert job.next_run_at is not None


CASES = {name: case for name, case in BAD.items() if name not in NOT_IN_A_FORM}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_by_field_and_writes_nothing(desk: Client, name: str) -> None:
    differs, field, fix = CASES[name]

    response = desk.post(f"{JOBS}add/", form_of(GOOD | differs))

    assert response.status_code == 200
    errors = response.context["adminform"].form.errors
    shown = "kind" if field == "trigger" else field
    assert shown in errors, errors
    assert IN_OTHER_WORDS.get(name, fix) in " ".join(errors[shown])
    assert not ScheduledJob.objects.filter(origin="staff").exists()


def test_fields_of_another_kind_of_trigger_do_not_count(desk: Client) -> None:
    desk.post(f"{JOBS}add/", form_of(GOOD) | {"hours": 12, "run_date": "2026-12-24 19:00"})

    assert ScheduledJob.objects.get(pk="a-job").trigger == {"type": "cron", "hour": "5"}


def test_the_form_shows_what_was_saved(desk: Client, a_job: ScheduledJob) -> None:
    form = desk.get(f"{JOBS}a-job/change/").context["adminform"].form

    assert (form.initial["kind"], form.initial["hour"]) == ("cron", 5)
    assert {*INTERVAL_FIELDS, *CRON_FIELDS, "expression", "run_date"} <= form.fields.keys()


def test_an_edit_is_saved_logged_and_works_out_the_next_run_anew(desk: Client, a_job: ScheduledJob) -> None:
    desk.post(f"{JOBS}a-job/change/", form_of(GOOD) | {"hour": "6"})

    a_job.refresh_from_db()
    assert a_job.next_run_at == datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
    assert LogEntry.objects.filter(object_id="a-job", user__username="operator").exists()


def test_the_panel_shows_the_trigger_in_words_and_its_next_ten_fires(desk: Client) -> None:
    shown = desk.post(f"{JOBS}next-fires/", form_of(GOOD)).content.decode()

    assert "at 05:00" in shown
    assert shown.count("<li>") == 10


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


def test_a_jobs_times_are_entered_and_shown_on_the_clock_of_its_zone(desk: Client) -> None:
    new_york = {"timezone": "America/New_York", "start_at": "2026-11-25T09:00", "end_at": "2026-12-25T09:00"}
    desk.post(f"{JOBS}add/", form_of(GOOD | new_york))
    job = ScheduledJob.objects.get(pk="a-job")
    assert job.start_at == datetime(2026, 11, 25, 14, 0, tzinfo=UTC)

    page = desk.get(f"{JOBS}a-job/change/").content.decode()
    assert page.count('value="09:00:00"') == 2
    assert "On the clock of the job's zone" in page

    desk.post(f"{JOBS}a-job/change/", form_of(GOOD | new_york))
    job.refresh_from_db()
    assert (job.start_at, job.end_at) == (
        datetime(2026, 11, 25, 14, 0, tzinfo=UTC),
        datetime(2026, 12, 25, 14, 0, tzinfo=UTC),
    )


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
