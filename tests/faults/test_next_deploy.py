"""Messages that the code knows nothing of: of an actor, or with an argument, that comes with the next deploy."""

import json
from datetime import datetime
from time import monotonic
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from dramatiq import Message
from rest_framework.authtoken.models import Token

from server.embedded import free_port
from tests.acceptance.watching import settled
from tests.faults import calendar
from tests.faults.conftest import Start, Trial
from tests.faults.duties.actors import WORK
from tests.faults.visitors import ask
from tests.processes import Clock
from tests.waiting import eventually
from workers.actors import create_sessions_for_game
from workers.broker import broker
from workers.models import Run

PAINTED = {"args": ("the door",), "kwargs": {"colour": "red"}}


@pytest.mark.fault("unknown actor or extra argument after a deploy", passes="kept, visible, retried by hand")
def test_what_the_next_deploy_knows_is_kept_for_it(
    trial: Trial, start: Start, queues: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given workers of today, web of today, and messages of tomorrow: with a run, and without
    monkeypatch.setattr(broker(), "client", queues)
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:50+10:00"))
    token = Token.objects.create(user=User.objects.create_superuser("olive")).key
    games = calendar.make_games(3)
    port = free_port()
    settings = {"PORT": str(port), "HOST": "127.0.0.1", "RESEND_AFTER_SECONDS": "20", **WORK}
    today = start("worker", "scheduler", "web", clock=clock, **settings)
    asked = [queued(actor, clock.now()) for actor in ("paint", "varnish")]
    sent = [message(actor) for actor in ("paint", "varnish")]
    broker().enqueue_all([*sent, *(message_of(run) for run in asked), unfitting(games[0].pk)])

    # When they have come, and the clock has ticked
    eventually(lambda: Run.objects.filter(state="failed").count() == 3, within=150)
    eventually(lambda: settled(queues), within=60)
    status, body = ask(port, "/api/v1/runs/?state=failed", token=token)
    listed = {row["id"]: row for row in json.loads(body)["results"]} if status == 200 else {}
    waiting = Run.objects.get(actor="varnish", pk=asked[1].pk)

    # And tomorrow's code is deployed, and somebody asks for all that failed again
    for name in ("web", "scheduler", "worker"):
        today.stop(name)
    start("worker", "scheduler", "web", clock=clock, NEXT_DEPLOY="1", **settings)
    eventually(lambda: answers(port), within=30)
    since = monotonic()
    retried = [ask(port, f"/api/v1/runs/{run}/retry/", method="POST", token=token)[0] for run in listed]
    eventually(lambda: done() == {"paint": 2, "varnish": 2}, within=120)
    seconds = monotonic() - since

    # Then all of it is done, once
    finished = done()
    trial.found(
        trials=4,
        lost=4 - sum(finished.values()),
        duplicated=sum(max(0, n - 2) for n in finished.values()),
        unexpected=Run.objects.filter(actor="create_sessions_for_game").count(),
        recovered=sum(finished.values()),
        seconds=seconds,
        note="an actor and an argument, each with a run and without",
    )
    assert {str(m.message_id) for m in sent} <= set(listed), "what failed cannot be seen"
    assert "dead letter" in listed[str(sent[1].message_id)]["reason"]
    assert "TypeError" in listed[str(sent[0].message_id)]["error"]
    assert waiting.state == "queued"
    assert retried == [202, 202, 202]
    assert finished == {"paint": 2, "varnish": 2}
    assert not Run.objects.filter(actor="create_sessions_for_game")


def queued(actor: str, now: datetime) -> Run:
    """A run that somebody asked the next version's web process for."""
    times = dict.fromkeys(("created_at", "due_at", "enqueued_at"), now)
    return Run.objects.create(actor=actor, cause="manual", **arguments(actor), **times)


def arguments(actor: str) -> dict[str, Any]:
    return {"args": ["the door"], "kwargs": {"colour": "red"} if actor == "paint" else {}}


def message(actor: str, **options: Any) -> Message[Any]:
    return Message(queue_name="default", actor_name=actor, options=options, **arguments(actor))


def message_of(run: Run) -> Message[Any]:
    return message(run.actor, run_id=str(run.pk), attempt=run.attempts)


def unfitting(game: int) -> Message[Any]:
    """A message of the fan-out with an argument to come. Whatever becomes of it, the game is not lost."""
    whole = create_sessions_for_game.message(game)
    return whole.copy(kwargs={"seats": 9})


def done() -> dict[str, int]:
    """How many runs of each actor did what tomorrow's code makes of them."""
    results = {"paint": "the door is red", "varnish": "the door shines"}
    return {
        actor: Run.objects.filter(actor=actor, state="succeeded", result=result).count()
        for actor, result in results.items()
    }


def answers(port: int) -> bool:
    try:
        return ask(port, "/healthz")[0] == 200
    except OSError:
        return False
