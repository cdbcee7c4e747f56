"""To schedule is to have something executed: nothing but what `@job` decorates, whichever door is tried."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from dramatiq import JSONEncoder, Message, get_encoder

from tests.workers.conftest import Queues
from workers import actors, jobs, runs
from workers.broker import broker
from workers.models import Run, ScheduledJob
from workers.triggers import IntervalTrigger

pytestmark = pytest.mark.django_db

#: What a message could name, or an import, that may not be scheduled all the same.
FORBIDDEN = ["create_sessions_for_game", "dispatch_due_jobs", "os.system", "system", "__import__", ""]

#: Nothing but these, so that one that is added by mistake is noticed here.
LISTED = {"generate_upcoming_game_sessions", "prune_history", "email_daily_digest", "scheduled_job"}


def test_the_list_is_what_it_is_known_to_be() -> None:
    assert {
        name for name, listed in jobs.registry.items() if listed.actor.fn.__module__.startswith("workers")
    } == LISTED


@pytest.mark.parametrize("name", FORBIDDEN)
def test_no_job_names_anything_else(name: str) -> None:
    """The check that the admin, REST and the code share."""
    job = ScheduledJob(id="a-job", actor=name, trigger={"type": "interval", "hours": 1})

    with pytest.raises(ValidationError, match="not on the list"):
        jobs.check(job, timezone.now())


@pytest.mark.parametrize("function", [actors.create_sessions_for_game, actors.dispatch_due_jobs, print])
def test_nor_does_the_code(function: Any) -> None:
    with pytest.raises(ValidationError, match="not on the list"):
        jobs.add_job(function, IntervalTrigger(hours=1), "a-job")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_of_a_row_that_names_something_else_no_message_is_sent(name: str, queues: Queues) -> None:
    now = timezone.now()
    run = Run.objects.create(actor=name, args=["touch /tmp/x"], due_at=now, created_at=now, enqueued_at=now)

    runs.send([run], now)

    assert sum(broker().backlogs().values()) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["os.system", "system", "__import__"])
def test_a_message_that_names_something_else_is_run_by_nobody(name: str, queues: Queues) -> None:
    broker().enqueue(Message("default", name, ("touch /tmp/x",), {}, {}))

    queues.work_off("default")

    assert [message.actor_name for message in queues.dead("default")] == [name]
    assert not Run.objects.filter(actor=name, state="succeeded").exists()


def test_messages_are_json_and_never_unpickled() -> None:
    assert type(get_encoder()) is JSONEncoder
