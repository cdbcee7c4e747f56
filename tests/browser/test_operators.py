"""An operator's day: a job put on a schedule, seen to run, to fail and to be made good."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, Open, violations
from tests.browser.desks import Desk, button_of, desk_of, fill, press, save
from tests.waiting import eventually
from tests.workers.conftest import Queues, queues  # noqa: F401 - a fixture
from workers import actors, jobs, tick
from workers.jobs import calls
from workers.models import Run, ScheduledJob

NOW = datetime(2026, 3, 10, 2, 0, 30, tzinfo=UTC)  # 13:00:30 in Sydney, a Tuesday


@pytest.fixture(autouse=True)
def _now(site: str) -> Iterator[None]:
    # The database tells the time of what runs: it is as frozen as the rest.
    with time_machine.travel(NOW), patch("workers.database_time._ask", timezone.now):
        yield


@pytest.fixture
def desk(open_page: Open, _now: None) -> Desk:
    return desk_of(open_page, "operators")


def scheduled(name: str = "a-job", **trigger: Any) -> ScheduledJob:
    """The template, put on a schedule as the admin does."""
    job = ScheduledJob(pk=name, actor="scheduled_job", trigger=trigger or {"type": "cron", "second": "0"})
    jobs.check(job, timezone.now())
    job.save(now=timezone.now())
    return job


def address(job: str = "a-job") -> str:
    return f"workers/scheduledjob/{job}/change/"


def work_off(queues: Queues) -> None:  # noqa: F811
    """Let a worker do what is on the queues, until each run that is due is over."""
    with queues.worker("default"):
        eventually(lambda: not Run.objects.unfinished().filter(due_at__lte=timezone.now()).exists(), within=10)


# --- Schedules ----------------------------------------------------------------------------------------------

TRIGGERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "interval": ({"kind": "interval", "hours": 12}, "every 12 hours", "Wed 11 Mar 2026 01:00"),
    "cron": ({"kind": "cron", "hour": "5", "day_of_week": "mon-fri"}, "at 05:00", "Wed 11 Mar 2026 05:00:00 AEDT"),
    "date": ({"kind": "date", "run_date": "2026-12-24 19:00"}, "", "Thu 24 Dec 2026 19:00:00 AEDT"),
}


@pytest.mark.parametrize("kind", TRIGGERS)
def test_the_template_is_put_on_each_trigger_with_its_times_in_view(desk: Desk, kind: str) -> None:
    values, words, first = TRIGGERS[kind]
    page = desk("workers/scheduledjob/add/")
    shown = page.locator("[data-shown]")
    fill(page, id="a-job", actor="scheduled_job", **values)
    expect(shown).to_contain_text(words)
    expect(shown.locator("li").first).to_contain_text(first)
    expect(shown.locator("li")).to_have_count(1 if kind == "date" else 10)
    other = {"interval": "run_date", "cron": "weeks", "date": "expression"}[kind]
    expect(page.locator(f"[name={other}]")).to_be_hidden()
    save(page)

    expect(page.locator("#result_list")).to_contain_text("a-job")
    job = ScheduledJob.objects.get(pk="a-job")
    assert (job.trigger["type"], job.actor) == (kind, "scheduled_job")
    assert job.next_run_at is not None


def test_the_panel_says_what_is_wrong_as_it_is_typed_and_so_does_saving(desk: Desk) -> None:
    page = desk("workers/scheduledjob/add/")
    shown = page.locator("[data-shown]")
    for values, said in (
        ({"minute": "61"}, "0 to 59"),
        ({"minute": "", "expression": "0 5 * * * *"}, "five"),
        ({"expression": "0 2 30 2 *"}, "It will not fire again"),
        ({"expression": "", "hour": "5", "timezone": "Mars/Olympus"}, "Mars/Olympus"),
    ):
        fill(page, **values)
        expect(shown).to_contain_text(said)
    fill(page, id="a-job", timezone="Australia/Sydney", hour="25")
    expect(shown).to_contain_text("0 to 23")
    save(page)

    expect(page.locator(".errorlist, .errors").filter(has_text="0 to 23").first).to_be_visible()
    expect(page.locator("[name=id]")).to_have_value("a-job")
    assert not ScheduledJob.objects.filter(pk="a-job").exists()


# --- Runs ---------------------------------------------------------------------------------------------------


def open_run(page: Page, state: str) -> None:
    """Open the one run of that state from the list of runs."""
    button_of(page, "Runs").first.click()
    page.locator("#result_list tbody tr", has_text=state).get_by_role("link").first.click()


def test_a_job_is_seen_to_run_paused_resumed_and_run_now(desk: Desk, queues: Queues) -> None:  # noqa: F811
    scheduled()
    tick.tick(timezone.now())
    with time_machine.travel(NOW + timedelta(seconds=31)):
        work_off(queues)
        page = desk("workers/scheduledjob/")
        expect(page.locator("#result_list tr", has_text="a-job")).to_contain_text("succeeded", ignore_case=True)

        page.get_by_role("link", name="a-job", exact=True).click()
        expect(button_of(page, "Resume")).to_have_count(0)
        press(page, "Pause", "Pause it")
        expect(page.get_by_text("a-job: Paused.")).to_be_visible()
        before = Run.objects.count()
        tick.tick(NOW + timedelta(minutes=2))
        assert Run.objects.count() == before

        expect(button_of(page, "Pause")).to_have_count(0)
        press(page, "Resume", "Resume it")
        assert ScheduledJob.objects.get(pk="a-job").is_on(timezone.now())

        press(page, "Run now", "Run it")
        expect(page.get_by_text("a-job: Asked to run now.")).to_be_visible()
        work_off(queues)
        assert Run.objects.get(cause="manual").state == "succeeded"
        page.goto("/admin/workers/run/?cause__exact=manual")
        expect(page.locator("#result_list tbody tr")).to_contain_text("succeeded", ignore_case=True)


def test_a_failure_is_seen_with_its_traceback_retried_and_the_job_deleted(
    desk: Desk,
    queues: Queues,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fall_over() -> None:
        raise LookupError("the cashier <b>left</b>")

    scheduled()
    page = desk(address())
    with monkeypatch.context() as patch:
        patch.setattr(actors.scheduled_job, "fn", recorded(fall_over))
        press(page, "Run now", "Run it")
        work_off(queues)

    open_run(page, "failed")
    expect(page.locator("pre").last).to_contain_text("LookupError: the cashier <b>left</b>")
    press(page, "Retry", "Retry it")
    expect(page.get_by_text("this is the new run")).to_be_visible()
    work_off(queues)
    page.reload()
    expect(page.get_by_text("succeeded").first).to_be_visible()
    assert Run.objects.get(cause="retry").by == "operators"

    page.goto(f"/admin/{address()}")
    button_of(page, "Delete scheduled job").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Yes, I’m sure").click()
    assert not ScheduledJob.objects.filter(pk="a-job").exists()


def recorded(function: Any) -> Any:
    """The function as `@job` wraps it under the template's name, its error one that no further attempt mends."""
    return calls.recorded(function, "scheduled_job", (LookupError,))


# --- What is seen -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
def test_the_desk_is_accessible_and_fits_the_screen(desk: Desk, viewport: Any, scheme: Any) -> None:
    job, at = scheduled(), timezone.now()
    times = {"created_at": at, "due_at": at, "finished_at": at}
    run = Run.objects.create(job=job, actor=job.actor, state="failed", error="Traceback: it fell over", **times)
    page = desk("", viewport=viewport, color_scheme=scheme)
    for where in ("workers/scheduledjob/add/", address(), address("prune_history"), f"workers/run/{run.pk}/change/"):
        page.goto(f"/admin/{where}")
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
