"""Scheduled jobs over REST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from tests.workers.api.conftest import JOBS, NOW, add
from tests.workers.bad_jobs import BAD, GOOD
from workers.api.jobs import JobSerializer
from workers.models import STAFF_FIELDS, Run, ScheduledJob

pytestmark = [pytest.mark.django_db]


@pytest.mark.parametrize(
    "trigger",
    [
        {"type": "interval", "hours": 12},
        {"type": "cron", "hour": 5},
        {"type": "cron", "expression": "0 5 * * mon-fri"},
        {"type": "date", "run_date": "2026-12-24T19:00:00"},
    ],
)
def test_the_template_can_be_put_on_each_trigger(operator: APIClient, trigger: dict[str, Any]) -> None:
    job = add(operator, trigger=trigger)

    assert (job["trigger"], job["origin"], job["last_run"]) == (trigger, "staff", None)
    assert job["next_run_at"] is not None


@pytest.mark.parametrize(("differs", "field", "fix"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_by_field_and_writes_nothing(
    operator: APIClient, differs: dict[str, Any], field: str, fix: str
) -> None:
    before = list(ScheduledJob.objects.values())

    asked = [operator.post(JOBS, GOOD | differs)]
    if "id" not in differs:
        asked.append(operator.put(f"{JOBS}{GOOD['id']}/", GOOD | differs))
    for response in asked:
        assert response.status_code == 400
        assert field in response.json(), response.json()
        assert fix in " ".join(response.json()[field])
    assert list(ScheduledJob.objects.values()) == before


def test_every_field_that_staff_write_can_be_written_and_no_other() -> None:
    writable = [name for name, field in JobSerializer().fields.items() if not field.read_only]

    assert writable == [*STAFF_FIELDS]


@pytest.mark.parametrize("field", ["queue_name", "options", "priority", "origin_", "max_retries"])
def test_a_field_that_no_job_has_is_refused(operator: APIClient, field: str) -> None:
    response = operator.post(JOBS, GOOD | {field: 1})

    assert (response.status_code, list(response.json())) == (400, [field])


def test_a_taken_id_is_refused_and_put_replaces_the_whole_job(operator: APIClient) -> None:
    add(operator, max_instances=3, jitter=5)

    again = operator.post(JOBS, GOOD)
    replaced = operator.put(f"{JOBS}a-job/", {"actor": "scheduled_job", "trigger": {"type": "interval", "days": 1}})

    assert (again.status_code, "PUT" in again.json()["id"][0]) == (400, True)
    assert replaced.status_code == 200
    assert (replaced.json()["max_instances"], replaced.json()["jitter"]) == (1, 0)
    assert replaced.json()["trigger"] == {"type": "interval", "days": 1}


def test_put_adds_a_job_that_is_not_there(operator: APIClient) -> None:
    response = operator.put(f"{JOBS}new/", {"actor": "scheduled_job", "trigger": {"type": "cron", "hour": 5}})

    assert (response.status_code, response.json()["id"]) == (201, "new")


def test_patch_changes_what_it_names_and_keeps_the_rest(operator: APIClient) -> None:
    add(operator, jitter=5)

    response = operator.patch(f"{JOBS}a-job/", {"trigger": {"type": "cron", "hour": 6}})

    assert (response.json()["jitter"], response.json()["next_run_at"]) == (5, "2026-11-24T19:00:00Z")


def test_an_interval_keeps_its_anchor_when_something_else_changes(operator: APIClient) -> None:
    add(operator, trigger={"type": "interval", "hours": 12})

    with time_machine.travel(NOW + timedelta(hours=5), tick=False):
        response = operator.patch(f"{JOBS}a-job/", {"jitter": 5})

    assert datetime.fromisoformat(response.json()["next_run_at"]) == NOW + timedelta(hours=12)


def test_a_job_keeps_its_id(operator: APIClient) -> None:
    add(operator)

    response = operator.patch(f"{JOBS}a-job/", {"id": "another"})

    assert (response.status_code, list(response.json())) == (400, ["id"])


def test_a_job_of_the_code_can_be_paused_and_run_but_not_edited(operator: APIClient) -> None:
    address = f"{JOBS}prune_history/"

    assert operator.patch(address, {"jitter": 5}).status_code == 400
    assert operator.put(address, GOOD | {"id": "prune_history"}).status_code == 400
    assert operator.delete(address).status_code == 400
    assert operator.post(f"{address}pause/", {}).json()["enabled"] is False
    assert operator.post(f"{address}resume/").json()["enabled"] is True
    assert operator.post(f"{address}run/").status_code == 202


def test_paused_resumed_and_paused_until(operator: APIClient) -> None:
    add(operator)

    paused = operator.post(f"{JOBS}a-job/pause/", {}).json()
    resumed = operator.post(f"{JOBS}a-job/resume/").json()
    until = operator.post(f"{JOBS}a-job/pause/", {"until": "2026-12-01T00:00:00Z"}).json()
    past = operator.post(f"{JOBS}a-job/pause/", {"until": "2020-01-01T00:00:00Z"})

    assert (paused["enabled"], paused["next_run_at"]) == (False, None)
    assert (resumed["enabled"], resumed["next_run_at"]) == (True, "2026-11-24T18:00:00Z")
    assert (until["enabled"], until["next_run_at"]) == (True, "2026-12-01T18:00:00Z")
    assert (past.status_code, list(past.json())) == (400, ["until"])


def test_of_a_paused_job_no_start_is_promised_that_was_planned(operator: APIClient) -> None:
    add(operator)
    job = ScheduledJob.objects.get(pk="a-job")
    soon = NOW + timedelta(seconds=30)
    Run.objects.create(actor=job.actor, job=job, slot=soon, due_at=soon, created_at=NOW)

    assert operator.post(f"{JOBS}a-job/pause/", {}).json()["next_run_at"] is None


def test_the_next_start_is_that_of_the_run_already_planned(operator: APIClient) -> None:
    add(operator)
    ScheduledJob.objects.update(next_run_at=NOW + timedelta(seconds=60))
    job = ScheduledJob.objects.get(pk="a-job")
    slots = {"actor": job.actor, "job": job, "created_at": NOW}
    Run.objects.create(slot=NOW + timedelta(seconds=30), due_at=NOW + timedelta(seconds=31), **slots)
    Run.objects.create(slot=NOW + timedelta(seconds=45), due_at=NOW + timedelta(seconds=45), **slots)

    assert operator.get(f"{JOBS}a-job/").json()["next_run_at"] == "2026-11-24T00:00:31Z"

    Run.objects.update(state="succeeded", finished_at=NOW)
    assert operator.get(f"{JOBS}a-job/").json()["next_run_at"] == "2026-11-24T00:01:00Z"


def test_the_next_start_of_the_generation_is_tomorrow_as_soon_as_it_is_sent(operator: APIClient) -> None:
    address, slot = f"{JOBS}generate_upcoming_game_sessions/", datetime(2026, 11, 24, 18, tzinfo=UTC)
    ScheduledJob.objects.filter(by_periodiq=True).update(next_run_at=slot)  # until its grace is over

    with time_machine.travel(slot - timedelta(seconds=1), tick=False):
        assert operator.get(address).json()["next_run_at"] == "2026-11-24T18:00:00Z"
    with time_machine.travel(slot, tick=False):
        assert operator.get(address).json()["next_run_at"] == "2026-11-25T18:00:00Z"


def test_the_preview_says_what_daylight_saving_does(operator: APIClient) -> None:
    add(operator, trigger={"type": "cron", "expression": "30 2 * * *"})

    with time_machine.travel(datetime(2027, 10, 2, 0, 0, tzinfo=UTC), tick=False):
        first, second = operator.get(f"{JOBS}a-job/preview/?n=2").json()

    assert (first["at"], first["local"][-13:]) == ("2027-10-02T16:30:00Z", "03:30:00 AEDT")
    assert "02:30 does not exist" in first["note"]
    assert second["note"] is None


@pytest.mark.parametrize("n", ["0", "101", "many"])
def test_a_preview_is_bounded(operator: APIClient, n: str) -> None:
    add(operator)

    response = operator.get(f"{JOBS}a-job/preview/?n={n}")

    assert (response.status_code, list(response.json())) == (400, ["n"])


def test_run_now_is_a_run_without_a_slot_and_says_who(operator: APIClient) -> None:
    add(operator)

    run = operator.post(f"{JOBS}a-job/run/").json()

    assert (run["job"], run["slot"], run["cause"], run["by"], run["state"]) == (
        "a-job",
        None,
        "manual",
        "operator",
        "queued",
    )
    assert operator.get(f"{JOBS}a-job/").json()["last_run"]["id"] == run["id"]


def test_deleting_a_job_deletes_its_runs(operator: APIClient) -> None:
    add(operator)
    operator.post(f"{JOBS}a-job/run/")

    assert operator.delete(f"{JOBS}a-job/").status_code == 204
    assert not Run.objects.filter(actor="scheduled_job").exists()


def test_a_list_of_jobs_costs_the_same_however_many_there_are(
    operator: APIClient, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        add(operator, id=f"job-{number}")
        operator.post(f"{JOBS}job-{number}/run/")

    with django_assert_max_num_queries(4):
        assert operator.get(JOBS).json()["count"] >= 20


def test_a_time_without_an_offset_is_on_the_clock_of_the_jobs_zone(operator: APIClient) -> None:
    address, nine = f"{JOBS}a-job/", "2026-12-01T09:00"
    job = add(operator, timezone="America/New_York", start_at=nine, paused_until=nine)
    assert (job["start_at"], job["paused_until"]) == ("2026-12-01T14:00:00Z", "2026-12-01T14:00:00Z")

    assert operator.post(f"{address}pause/", {"until": nine}).json()["paused_until"] == "2026-12-01T14:00:00Z"
    assert operator.post(f"{address}pause/", {"until": f"{nine}Z"}).json()["paused_until"] == "2026-12-01T09:00:00Z"
    assert operator.patch(address, {"start_at": nine}).json()["start_at"] == "2026-12-01T14:00:00Z"
    moved = operator.patch(address, {"timezone": "Europe/London", "start_at": nine}).json()
    assert moved["start_at"] == "2026-12-01T09:00:00Z"
    assert operator.put(address, GOOD | {"start_at": nine}).json()["start_at"] == "2026-11-30T22:00:00Z"  # Sydney


@pytest.mark.parametrize("zone", ["Mars/Base", "", 7, ["UTC"], None])
def test_a_zone_that_is_none_is_what_is_wrong_not_the_time_beside_it(operator: APIClient, zone: Any) -> None:
    response = operator.post(JOBS, GOOD | {"timezone": zone, "start_at": "2026-12-01T09:00"})

    assert (response.status_code, list(response.json())) == (400, ["timezone"])


def test_put_names_the_job_that_its_address_names(operator: APIClient) -> None:
    response = operator.put(f"{JOBS}x/", GOOD | {"id": "y"})

    assert (response.status_code, list(response.json())) == (400, ["id"])
    assert not ScheduledJob.objects.filter(pk__in=["x", "y"]).exists()


@pytest.mark.parametrize("body", [[1], "text"])
def test_a_body_that_is_no_object_is_refused(operator: APIClient, body: Any) -> None:
    assert operator.put(f"{JOBS}x/", body).status_code == 400


def test_an_address_that_no_job_can_have_is_not_found(operator: APIClient) -> None:
    assert operator.get(f"{JOBS}%00/").status_code == 404


def test_the_last_run_is_not_one_that_is_still_to_come(operator: APIClient) -> None:
    add(operator)
    job = ScheduledJob.objects.get(pk="a-job")
    done, ahead = (
        Run(job=job, actor=job.actor, slot=NOW + timedelta(seconds=after), created_at=NOW, due_at=NOW)
        for after in (0, 60)
    )
    done.state, done.finished_at = "succeeded", NOW
    Run.objects.bulk_create([done, ahead])

    assert operator.get(f"{JOBS}a-job/").json()["last_run"]["id"] == str(done.pk)
