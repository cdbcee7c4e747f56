"""The form of a job: the same validation as REST, on the clock of the job's zone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.utils import flatten_fieldsets
from django.test import Client

from tests.workers.admin.conftest import JOBS, form_of
from tests.workers.bad_jobs import BAD, GOOD
from workers.admin.job_form import CONDITIONS, FIELDSETS
from workers.models import STAFF_FIELDS, ScheduledJob
from workers.triggers import CRON_FIELDS, INTERVAL_FIELDS, TRIGGER_TYPES

pytestmark = [pytest.mark.django_db]

#: What the form has no way to say, or says in words of its own.
NOT_IN_A_FORM = {"an unknown field of a trigger"}

IN_OTHER_WORDS = {
    "an actor that is not on the list": "not one of the available choices",
    "an unknown type of trigger": "not one of the available choices",
    "an interval of nothing": "needs one of",
}


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


def test_every_field_that_staff_write_stands_on_the_form_once() -> None:
    shown = Counter(flatten_fieldsets(FIELDSETS))

    assert set(shown.values()) == {1}
    assert {*STAFF_FIELDS} - shown.keys() == {"trigger", "paused_until"}  # in parts, and with the pause


@pytest.mark.parametrize("kind", TRIGGER_TYPES)
def test_every_field_of_a_type_of_trigger_is_shown_with_it(kind: str) -> None:
    assert {*TRIGGER_TYPES[kind].field_names} <= {*flatten_fieldsets(FIELDSETS)}
    assert all(f"kind == '{kind}'" in CONDITIONS[name] for name in TRIGGER_TYPES[kind].field_names)


def test_fields_of_another_kind_of_trigger_do_not_count(desk: Client) -> None:
    desk.post(f"{JOBS}add/", form_of(GOOD) | {"hours": 12, "run_date": "2026-12-24 19:00"})

    assert ScheduledJob.objects.get(pk="a-job").trigger == {"type": "cron", "hour": "5"}


def test_the_form_shows_what_was_saved(desk: Client, a_job: ScheduledJob) -> None:
    form = desk.get(f"{JOBS}a-job/change/").context["adminform"].form

    assert (form.initial["kind"], form.initial["hour"]) == ("cron", 5)
    assert {*INTERVAL_FIELDS, *CRON_FIELDS, "expression", "run_date"} <= form.fields.keys()


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
