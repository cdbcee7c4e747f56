"""Messages that dramatiq gave up, on the real Redis and a real worker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dramatiq
import pytest
from django.db import InterfaceError, OperationalError
from dramatiq import Message

from events.models import GameSession
from tests.deploy import deploy
from tests.factories import make_game
from tests.waiting import eventually
from tests.workers.conftest import Queues
from workers import dead_letters, generation, runs, tick
from workers.actors import scheduled_job
from workers.broker import broker
from workers.models import Incident, Run

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)


def message(actor: str, *args: Any, queue: str = "default", kwargs: Any = None, **options: Any) -> Message[Any]:
    return Message(queue_name=queue, actor_name=actor, args=args, kwargs=kwargs or {}, options=options)


def die(queues: Queues, *messages: Message[Any]) -> None:
    """Let a worker give the messages up."""
    broker().enqueue_all(messages)
    (queue,) = {message.queue_name for message in messages}
    with queues.worker(queue):
        eventually(lambda: not broker().backlog(queue) and queues.dead(queue), within=30)


def lay_aside(queue: str, *messages: Message[Any]) -> None:
    """Put messages where dramatiq puts those that it gives up."""
    client: Any = broker().client
    key = f"{broker().namespace}:{queue}.XQ"
    client.zadd(key, {message.message_id: n for n, message in enumerate(messages)})
    client.hset(f"{key}.msgs", mapping={message.message_id: message.encode() for message in messages})


def test_a_message_that_no_worker_knows_is_kept_as_a_failed_run_and_retried_after_the_next_deploy(
    queues: Queues,
) -> None:
    die(queues, message("actor_of_tomorrow", 7, kwargs={"tables": 3}))

    dead_letters.collect(NOW)
    dead_letters.collect(SOON)

    run = Run.objects.get()
    assert (run.state, run.job, run.actor, run.args, run.kwargs) == (
        "failed",
        None,
        "actor_of_tomorrow",
        [7],
        {"tables": 3},
    )
    assert run.reason == "dead letter: no worker knows its actor"
    assert not queues.dead("default")

    with pytest.raises(ValueError, match="The code has no actor actor_of_tomorrow"):
        runs.retry(run, by="ada", now=NOW)

    Run.objects.update(actor="scheduled_job", args=[], kwargs={})  # as if it were known now
    runs.retry(Run.objects.get(), by="ada", now=NOW)
    queues.work_off("default")
    assert set(Run.objects.values_list("cause", "state")) == {("manual", "failed"), ("retry", "succeeded")}


def test_an_argument_that_the_actor_does_not_take_is_kept_and_sent_again_when_it_does(queues: Queues) -> None:
    game = make_game()
    die(queues, message("create_sessions_for_game", game.pk, queue="games", kwargs={"colour": "red"}, max_retries=0))

    dead_letters.collect(NOW)

    run = Run.objects.get()
    assert run.state == "failed"
    assert "colour" in run.reason
    with pytest.raises(ValueError, match=r"create_sessions_for_game does not take these arguments: .*colour"):
        runs.retry(run, by="ada", now=NOW)
    assert Run.objects.count() == 1

    run.kwargs = {}
    run.save()
    GameSession.objects.all().delete()
    again = runs.retry(run, by="ada", now=NOW)
    queues.work_off("games")
    assert (again.state, again.retry_of) == ("succeeded", run.pk)
    assert GameSession.objects.filter(game=game).exists()


def test_what_something_else_makes_good_leaves_no_trace(queues: Queues) -> None:
    lost = [
        message("gone", run_id="b1c2", attempt=0),  # its run's row is sent again
        message("gone", scheduled_at="2026-03-10T02:00:00+00:00"),  # its slot is made good
    ]
    die(queues, *lost)
    die(queues, message("create_sessions_for_game", -1, "garbage", "dates", queue="games", max_retries=0))

    dead_letters.collect(NOW)

    assert not Run.objects.exists()
    assert not queues.dead("default")
    assert not queues.dead("games")


@pytest.mark.parametrize(("last_day", "kept"), [("2026-04-07", False), ("2026-04-08", True)])
def test_of_a_game_only_what_lies_beyond_the_horizon_is_kept(queues: Queues, last_day: str, kept: bool) -> None:
    generation.begin(NOW, days=28, slot=None)
    lost = message("create_sessions_for_game", make_game().pk, "2026-04-01", last_day, queue="games")
    lay_aside("games", lost)

    dead_letters.collect(NOW)

    assert Run.objects.filter(pk=lost.message_id, state="failed").exists() == kept
    assert not queues.dead("games")


@pytest.mark.parametrize("arguments", [["abc"], [{}], [1, "2026-04-01", 7]])
def test_arguments_that_make_no_sense_are_kept_and_hold_up_no_other(queues: Queues, arguments: list[Any]) -> None:
    generation.begin(NOW, days=28, slot=None)
    make_game(pk=1)
    absurd = message("create_sessions_for_game", *arguments, queue="games")
    lay_aside("games", absurd, message("actor_of_tomorrow", queue="games"))

    dead_letters.collect(NOW)

    assert "can make nothing of these arguments" in Run.objects.get(pk=absurd.message_id).reason
    assert Run.objects.filter(actor="actor_of_tomorrow").exists()
    assert not queues.dead("games")


def test_a_letter_that_cannot_be_kept_is_dropped_and_keeps_no_other(queues: Queues) -> None:
    absurd = message("actor_of_tomorrow").copy(message_timestamp=10**18)
    lay_aside("default", message("actor_of_tomorrow", 1), absurd, message("actor_of_tomorrow", 2))

    dead_letters.collect(NOW)

    assert sorted(Run.objects.values_list("args", flat=True)) == [[1], [2]]
    assert not queues.dead("default")


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_letters_that_the_database_cannot_take_now_are_kept_by_the_next_tick(
    error: type[Exception], queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any) -> None:
        raise error("the connection is closed")

    lay_aside("default", message("actor_of_tomorrow"))
    with monkeypatch.context() as closed:
        closed.setattr(runs, "bury", away)
        with pytest.raises(error):
            dead_letters.collect(NOW)

    dead_letters.collect(SOON)

    assert Run.objects.get().actor == "actor_of_tomorrow"


def test_a_job_that_was_sent_by_hand_and_could_not_begin_is_kept(queues: Queues) -> None:
    sent = scheduled_job.message()
    lay_aside("default", sent)

    dead_letters.collect(NOW)

    run = Run.objects.get()
    assert (str(run.pk), run.reason) == (sent.message_id, "dead letter: it failed")


def test_of_a_message_whose_run_has_begun_nothing_is_kept_twice(queues: Queues) -> None:
    sent = scheduled_job.message()
    runs.begin(Run(sent.message_id, actor="scheduled_job", cause="manual"), sent.message_id, NOW)

    runs.bury([(sent, "it failed before it began")], NOW)

    assert Run.objects.get().state == "running"


@pytest.mark.parametrize("data", [b"no json", dramatiq.Message("default", "a", ("\0",), {}, {}).encode()])
def test_what_nobody_can_keep_is_dropped_and_keeps_no_other(queues: Queues, data: bytes) -> None:
    client: Any = broker().client
    key = f"{broker().namespace}:default.XQ"
    for name, each in (("garbage", data), ("sound", message("actor_of_tomorrow").encode())):
        client.zadd(key, {name: 1})
        client.hset(f"{key}.msgs", name, each)

    dead_letters.collect(NOW)

    assert Run.objects.get().actor == "actor_of_tomorrow"
    assert not queues.dead("default")


def test_a_tick_brings_dead_letters_and_tells_of_them(queues: Queues, mailoutbox: Any, settings: Any) -> None:
    settings.ADMINS = [("ada", "ada@example.com")]
    deploy(NOW)
    die(queues, message("actor_of_tomorrow"))

    tick.tick(NOW)

    (mail,) = mailoutbox
    assert "actor_of_tomorrow" in mail.subject
    assert "no worker knows its actor" in mail.body
    assert Incident.objects.get().subject == "actor_of_tomorrow"


def test_many_dead_letters_are_brought_at_once(queues: Queues) -> None:
    lay_aside("default", *(message("actor_of_tomorrow", n) for n in range(1_201)))

    dead_letters.collect(NOW)

    assert Run.objects.count() == 1_201
