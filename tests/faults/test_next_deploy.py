"""Messages that the code knows nothing of: of an actor, or with an argument, that comes with the next deploy."""

import json
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from dramatiq import Message
from rest_framework.authtoken.models import Token

from server.embedded import free_port
from tests.acceptance.watching import settled
from tests.faults.conftest import Start, Trial
from tests.faults.duties.actors import WORK
from tests.faults.postgres import seconds_until
from tests.faults.visitors import ask
from tests.processes import Clock
from tests.waiting import eventually
from workers.broker import broker
from workers.models import Run

#: What tomorrow's code makes of all that was asked for, and how often.
ALL = Counter({"the door is red": 2, "the door shines": 2, "the door is red, marked": 1})


@pytest.mark.fault("unknown actor or extra argument after a deploy", passes="kept, visible, retried by hand")
def test_what_the_next_deploy_knows_is_kept_for_it(
    trial: Trial, start: Start, queues: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given workers of today, web of today, and messages of tomorrow: with a run, and without
    monkeypatch.setattr(broker(), "client", queues)
    clock = Clock(datetime.fromisoformat("2026-09-25T13:00:50+10:00"))
    token = Token.objects.create(user=User.objects.create_superuser("olive")).key
    port = free_port()
    settings = {"PORT": str(port), "HOST": "127.0.0.1", "RESEND_AFTER_SECONDS": "20", **WORK}
    today = start("worker", "scheduler", "web", clock=clock, **settings)
    asked = [queued(actor, clock.now()) for actor in ("paint", "varnish")]
    sent = {actor: message(actor) for actor in ("paint", "varnish", "mark")}
    broker().enqueue_all([*sent.values(), *(message_of(run) for run in asked)])

    # When they have come, and the clock has ticked
    eventually(lambda: Run.objects.filter(state="failed").count() == 4, within=150)
    eventually(lambda: settled(queues), within=60)
    status, body = ask(port, "/api/v1/runs/?state=failed", token=token)
    listed = {row["id"]: row for row in json.loads(body)["results"]} if status == 200 else {}
    waiting = Run.objects.get(actor="varnish", pk=asked[1].pk)

    too_early = ask(port, f"/api/v1/runs/{sent['varnish'].message_id}/retry/", method="POST", token=token)

    # And tomorrow's code is deployed, and somebody asks for all that failed again
    for name in ("web", "scheduler", "worker"):
        today.stop(name)
    start("worker", "scheduler", "web", clock=clock, NEXT_DEPLOY="1", **settings)
    eventually(lambda: answers(port), within=30)
    retried = [ask(port, f"/api/v1/runs/{run}/retry/", method="POST", token=token)[0] for run in listed]
    seconds = seconds_until(lambda: done(queues) == ALL, within=120)

    # Then all of it is done, once
    finished = done(queues)
    trial.found(
        trials=ALL.total(),
        lost=(ALL - finished).total(),
        duplicated=(finished - ALL).total(),
        unexpected=0,
        recovered=finished.total(),
        seconds=seconds,
        note="a job's actor and argument, each with a run and without, and the argument of an actor that is no job",
    )
    assert {message.message_id for message in sent.values()} <= set(listed), "what failed cannot be seen"
    assert listed[sent["varnish"].message_id]["reason"] == "dead letter: no worker knows its actor"
    assert "does not take these arguments" in listed[sent["mark"].message_id]["reason"]
    assert "unexpected keyword argument 'colour'" in listed[sent["paint"].message_id]["error"]
    assert waiting.state == "queued"
    assert too_early[0] == 400
    assert b"after a deploy that brings it" in too_early[1]
    assert retried == [202] * 4
    assert finished == ALL


def queued(actor: str, now: datetime) -> Run:
    """A run that somebody asked the next version's web process for."""
    times = dict.fromkeys(("created_at", "due_at", "enqueued_at"), now)
    return Run.objects.create(actor=actor, cause="manual", **arguments(actor), **times)


def arguments(actor: str) -> dict[str, Any]:
    return {"args": ["the door"], "kwargs": {} if actor == "varnish" else {"colour": "red"}}


def message(actor: str, **options: Any) -> Message[Any]:
    return Message(queue_name="default", actor_name=actor, options=options, **arguments(actor))


def message_of(run: Run) -> Message[Any]:
    return message(run.actor, run_id=str(run.pk), attempt=run.attempts)


def done(queues: Any) -> Counter[str]:
    """How often each of the actors did what tomorrow's code makes of it."""
    results: Counter[Any] = Counter(Run.objects.filter(state="succeeded").values_list("result", flat=True))
    marks = Counter(f"{mark.decode()}, marked" for mark in queues.lrange("marks", 0, -1))
    return Counter({said: n for said, n in (results + marks).items() if said in ALL})


def answers(port: int) -> bool:
    try:
        return ask(port, "/healthz")[0] == 200
    except OSError:
        return False
