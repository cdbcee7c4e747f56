"""The admin's front page: who sees the board, what it costs, and doing again what failed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
import tzdata
from django.contrib.auth.models import Group, Permission, User
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from events.models import Game, Venue
from tests.deploy import deploy
from tests.factories import make_game, make_games, make_venue
from tests.workers.conftest import Queues
from tests.workers.scheduled import NOW, later, make_job, make_run
from workers import dispatch, runs
from workers.broker import broker, connect
from workers.generation import NIGHTLY
from workers.models import Clock, Generation, Run, ScheduledJob
from workers.monitoring import alarms
from workers.monitoring.health import scheduler_status

pytestmark = pytest.mark.django_db

FRONT = "/admin/"


@pytest.fixture(autouse=True)
def _at_now(queues: Queues) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def logged_in(*permissions: str, group: str = "", **options: Any) -> Client:
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    if group:
        user.groups.add(Group.objects.get(name=group))
    client = Client(headers={"x-forwarded-proto": "https"}, **options)
    client.force_login(user)
    return client


def shown(client: Client) -> str:
    response = client.get(FRONT)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def operator() -> Client:
    return logged_in(group="operators")


def claimed(run: Run) -> Run:
    held = runs.claim(run.pk, 0, "message", NOW)
    assert held
    return held


@pytest.fixture
def dead() -> Run:
    return make_run(make_job(id="pay-dealers"), "failed", error="Traceback …\nValueError: no <luck>")


# --- What is shown ----------------------------------------------------------------------------------------


def test_operators_see_the_board_and_other_staff_the_list_of_what_they_may_edit(operator: Client) -> None:
    assert 'id="board"' in shown(operator)

    User.objects.all().delete()
    page = shown(logged_in("view_venue"))
    assert 'id="board"' not in page
    assert "/admin/events/venue/" in page


def test_a_fresh_system_is_starting(operator: Client) -> None:
    page = shown(operator)

    assert "Starting" in page
    assert "No generation yet." in page


def test_the_clock_ticks_or_has_stopped(operator: Client) -> None:
    Clock.objects.create(pk=1, last_tick=later(-60))
    assert "Ticking" in shown(operator)

    Clock.objects.update(last_tick=later(-151))
    assert "Stopped" in shown(operator)


def test_the_clocks_card_says_which_zone_data_it_goes_by(operator: Client) -> None:
    card = shown(operator).split("The clock")[1].split("The calendar")[0]

    assert f"zone data {tzdata.IANA_VERSION}" in card


def test_the_calendars_card_counts_the_games_to_be_settled_anew_while_it_lasts(operator: Client) -> None:
    assert "settled anew" not in shown(operator)

    make_games(2, zone_data="older")

    assert "2 games to be settled anew: other zone or holiday data came" in shown(operator)


def test_what_is_wrong_is_listed_with_its_reason_and_escaped(operator: Client, dead: Run) -> None:
    Generation.objects.create(at=NOW, days=28, moved_at=NOW)
    make_game(name="Thursday <NLHE>", generation_error="GenerationError: no <zone>")
    make_run(make_job(), "misfired", slot=later(-600), covers=7)

    page = shown(operator)

    assert "Thursday &lt;NLHE&gt;" in page
    assert "GenerationError: no &lt;zone&gt;" in page
    assert "pay-dealers" in page
    assert "ValueError: no &lt;luck&gt;" in page
    assert "0 of 1 games" in page
    assert "1 failed" in page


def test_the_first_line_says_whether_anything_is_wrong(operator: Client) -> None:
    Clock.objects.create(pk=1, last_tick=NOW)
    assert "Nothing is wrong." in shown(operator)

    Clock.objects.update(last_tick=later(-151))
    make_game(generation_error="GenerationError: no zone")
    for _ in range(11):
        make_run(None, "failed")
    make_run(make_job(), "misfired", slot=later(-600), covers=7)

    wrong = "no tick for 151 s, games that fail: 1, dead letters: more than 10, slots missed and not made good: 7."
    page = shown(operator)
    assert f"Look here: {wrong}" in page
    assert "Nothing is wrong." not in page
    assert "see failed runs" in page


def test_what_health_calls_overdue_is_wrong_on_the_front_page_too(operator: Client) -> None:
    deploy(later(-86_400))
    MigrationRecorder.Migration.objects.filter(app="workers").update(applied=later(-86_400))

    reasons = scheduler_status(NOW)["reasons"]
    page = shown(operator)

    assert [reason.split(" of ")[0].split(":")[0] for reason in reasons] == [
        "no tick since the deploy",
        "the generation",
    ]
    assert f"Look here: {', '.join(reasons)}." in page
    assert "Stopped" in page


def test_a_pause_of_the_nightly_generation_is_wrong_at_once_and_leads_to_its_job(operator: Client) -> None:
    Clock.objects.create(pk=1, last_tick=NOW)
    Generation.objects.create(at=NOW, days=28, moved_at=NOW)
    ScheduledJob.objects.filter(pk=NIGHTLY).update(enabled=False)

    page = shown(operator)

    assert scheduler_status(NOW)["status"] == "ok"
    assert "Look here: the nightly generation is paused." in page
    assert f"/admin/workers/scheduledjob/{NIGHTLY}/change/" in page


def test_games_that_lag_are_wrong_when_the_generation_has_had_its_time(operator: Client) -> None:
    Clock.objects.create(pk=1, last_tick=NOW)
    Generation.objects.create(at=later(-1800), days=28, moved_at=NOW)
    make_game()
    assert "Nothing is wrong." in shown(operator)

    Generation.objects.update(at=later(-1801))
    assert "Look here: games behind: 1." in shown(operator)


def test_a_run_that_overruns_is_wrong_and_can_be_looked_at(operator: Client) -> None:
    Clock.objects.create(pk=1, last_tick=NOW)
    job = make_job(id="pay-dealers")
    make_run(job, "succeeded", started_at=later(-90_000), finished_at=later(-89_999))
    run = make_run(job, "running", started_at=later(-301))
    alarms.tell_troubles(NOW)

    page = shown(operator)
    assert "Look here: runs that overrun: 1." in page
    assert f"/admin/workers/run/{run.pk}/change/" in page
    assert "it usually takes 1 s" in page

    Run.objects.filter(pk=run.pk).update(state="succeeded", finished_at=NOW)
    alarms.tell_troubles(NOW)
    assert "Nothing is wrong." in shown(operator)


def test_a_failed_run_without_a_job_goes_by_its_actors_name_and_can_be_retried(operator: Client) -> None:
    run = make_run(None, "failed", actor="of_another_version", reason="dead letter: nobody knows it")

    (letter,) = [form for form in shown(operator).split("</form>") if "of_another_version</a>" in form]
    assert "dead letter: nobody knows it" in letter
    assert f'action="/admin/retry/run/{run.pk}/"' in letter
    assert "Retry" in letter


def test_a_failed_run_that_was_asked_for_again_is_no_dead_letter(operator: Client, dead: Run) -> None:
    operator.post(f"/admin/retry/run/{dead.pk}/")

    assert "None." in shown(operator).split("Dead letters")[1]


def test_a_success_of_its_job_makes_a_dead_letter_good_and_another_jobs_or_an_earlier_one_does_not(
    operator: Client, dead: Run
) -> None:
    make_run(make_job(), "succeeded", finished_at=NOW)
    make_run(dead.job, "succeeded", finished_at=later(-2))
    assert "dead letters: 1" in shown(operator)

    runs.succeed(claimed(runs.ask("work", [], {}, job=dead.job, by="ann", now=NOW)), None, NOW)

    assert "dead letters" not in shown(operator)


def test_a_dead_letter_without_a_job_stays_whatever_else_its_actor_did(operator: Client) -> None:
    make_run(None, "failed", args=["Ann"])
    make_run(None, "succeeded", args=["Bob"], finished_at=NOW)

    assert "dead letters: 1" in shown(operator)


def test_a_dead_letter_of_a_job_that_the_code_has_no_longer_is_nobodys_trouble(operator: Client, dead: Run) -> None:
    ScheduledJob.objects.filter(pk=dead.job_id).update(retired=True)

    assert "dead letters" not in shown(operator)


def test_missed_slots_are_wrong_until_their_job_succeeds_and_stay_in_sight(operator: Client) -> None:
    job = make_job(catch_up="skip", next_run_at=later(-600))
    dispatch.dispatch_due(NOW)
    assert "slots missed and not made good: 9" in shown(operator)

    runs.succeed(claimed(runs.ask("work", [], {}, job=job, by="ann", now=NOW)), None, later(1))

    page = shown(operator)
    assert "slots missed and not made good" not in page
    assert "9, all made good" in page


def test_the_runs_of_missed_slots_are_a_click_away(operator: Client) -> None:
    job = make_job()
    late = make_run(job, "misfired", slot=later(-600))
    caught = make_run(job, "succeeded", cause="catch_up", slot=later(-540))

    found = [
        str(run.pk) in operator.get(link).content.decode()
        for link in re.findall(r'href="(/admin/workers/run/\?[^"]+)">(?:misfired|catch-up) runs', shown(operator))
        for run in (late, caught)
    ]

    assert found == [True, False, False, True]


def test_while_redis_is_away_the_board_says_so(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker(), "client", connect("redis://127.0.0.1:1/0", retries=0))

    assert shown(operator).count("Redis does not answer") == 2  # in the first line, and where the queues would be


def test_it_costs_as_many_queries_however_much_there_is_to_show(
    operator: Client, django_assert_num_queries: Any
) -> None:
    Clock.objects.create(pk=1, last_tick=NOW)
    Generation.objects.create(at=NOW, days=28, moved_at=NOW)
    make_game()
    shown(operator)
    # Three of the session, the user and the permissions, one of the latest actions, sixteen of the board.
    with django_assert_num_queries(QUERIES):
        shown(operator)

    make_games(30, generation_error="GenerationError: no zone")
    for n in range(30):
        make_run(make_job(), "failed", error="no luck", started_at=later(-n), finished_at=NOW)
    with django_assert_num_queries(QUERIES):
        assert shown(operator).count("GenerationError: no zone") == 10


QUERIES = 24

# --- Doing it again ---------------------------------------------------------------------------------------


def test_a_dead_letter_is_asked_for_again_in_the_operators_name(
    operator: Client, dead: Run, django_capture_on_commit_callbacks: Any, queues: Queues
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = operator.post(f"/admin/retry/run/{dead.pk}/", follow=True)

    assert "is asked for again" in response.content.decode()
    again = Run.objects.get(retry_of=dead.pk)
    assert (again.state, again.cause, again.by, again.job_id) == ("queued", "retry", "ann", "pay-dealers")
    assert [message.options["run_id"] for message in queues.messages("default")] == [str(again.pk)]


def test_a_run_that_did_not_fail_is_left_alone(operator: Client) -> None:
    run = make_run(None, "succeeded")

    response = operator.post(f"/admin/retry/run/{run.pk}/", follow=True)

    assert "only one that failed" in response.content.decode()
    assert Run.objects.count() == 1


def test_a_failing_game_that_was_mended_is_in_the_calendar_at_once(operator: Client) -> None:
    game = make_game(make_venue("Mars/Base"), generation_error="GenerationError: no zone")
    Venue.objects.update(timezone="Australia/Sydney")

    response = operator.post(f"/admin/retry/game/{game.pk}/", follow=True)

    assert "is in the calendar again" in response.content.decode()
    assert Game.objects.get().generation_error == ""
    assert game.sessions.count() == 29


def test_a_game_that_fails_still_says_why(operator: Client) -> None:
    game = make_game(make_venue("Mars/Base"), generation_error="an earlier one")

    response = operator.post(f"/admin/retry/game/{game.pk}/", follow=True)

    assert "fails still" in response.content.decode()
    assert "Mars/Base" in Game.objects.get().generation_error


@pytest.mark.parametrize("what", ["run", "game"])
def test_only_who_may_change_runs_is_offered_a_retry_and_may_ask_for_it(what: str, dead: Run) -> None:
    game = make_game(generation_error="GenerationError: no zone")
    address = f"/admin/retry/{what}/{dead.pk if what == 'run' else game.pk}/"
    client = logged_in("view_run")

    assert "Retry" not in shown(client)
    assert client.post(address).status_code == 403
    stranger = Client(headers={"x-forwarded-proto": "https"}).post(address)
    assert (stranger.status_code, stranger.headers["Location"].split("?")[0]) == (302, "/admin/login/")
    assert Run.objects.count() == 1
    assert Game.objects.get().generation_error


@pytest.mark.parametrize("what", ["run", "game"])
def test_a_link_or_a_page_of_somebody_else_does_nothing(what: str, dead: Run) -> None:
    game = make_game(generation_error="GenerationError: no zone")
    address = f"/admin/retry/{what}/{dead.pk if what == 'run' else game.pk}/"
    client = logged_in(group="operators", enforce_csrf_checks=True)

    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 403
    assert Run.objects.count() == 1
    assert Game.objects.get().generation_error


@pytest.mark.parametrize("address", ["run/00000000-0000-0000-0000-000000000000/", "game/0/"])
def test_what_does_not_exist_is_not_found(operator: Client, address: str) -> None:
    assert operator.post(f"/admin/retry/{address}").status_code == 404
