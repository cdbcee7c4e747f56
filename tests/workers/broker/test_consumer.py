"""What gets lost between Redis and a consumer is taken back, and what is being worked on is left alone."""

from typing import Any

import pytest
import redis
from dramatiq import Message
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.workers.conftest import Queues
from workers import actors
from workers.broker import consumer
from workers.broker.consumer import Consumer


@pytest.fixture(autouse=True)
def _look_at_once(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "LOOK_EVERY", 0)


def send(queues: Queues, number: int, **options: Any) -> list[str]:
    """So many messages on the queue `default`; their ids."""
    messages: list[Message[Any]] = [actors.scheduled_job.message() for _ in range(number)]
    for message in messages:
        queues.broker.enqueue(message, **options)
    return [message.message_id for message in messages]


def consume(queues: Queues, queue: str = "default") -> Consumer:
    made = queues.broker.consume(queue, prefetch=100, timeout=1)
    assert isinstance(made, Consumer)
    return made


def take(made: Consumer) -> list[Any]:
    """All that comes before nothing does."""
    return list(iter(made.__next__, None))


def ids(messages: list[Any]) -> list[str]:
    return sorted(message.message_id for message in messages)


def dead() -> redis.Redis:
    return redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))


def test_messages_whose_fetch_was_never_answered_come_again(queues: Queues) -> None:
    sent = send(queues, 3)
    queues.broker.do_fetch("default", 2)  # and the reply gets lost

    assert ids(take(consume(queues))) == sorted(sent)


def test_messages_that_a_consumer_had_in_hand_when_it_gave_up_come_to_the_next(queues: Queues) -> None:
    sent = send(queues, 3)
    first = next(consume(queues))
    assert first

    rest = take(consume(queues))

    assert ids([first, *rest]) == sorted(sent)


def test_messages_being_worked_on_are_left_alone_and_can_be_acknowledged_by_the_next_consumer(queues: Queues) -> None:
    send(queues, 3)
    at_work = take(consume(queues))
    following = consume(queues)

    assert take(following) == []
    for message in at_work:
        following.ack(message)
    assert take(following) == []
    assert queues.broker.backlog("default") == 0
    assert not queues.broker.held["default"]


def test_a_new_consumer_takes_no_more_ahead_than_the_process_may_hold(queues: Queues, settings: Any) -> None:
    settings.DATABASE_POOL = 7  # room for three long jobs
    send(queues, 5)
    at_work = take(consume(queues))
    following = consume(queues)  # as after a lost connection

    assert len(at_work) == 3
    assert take(following) == []
    following.ack(at_work[0])
    assert len(take(following)) == 1


def test_delayed_messages_that_a_thread_has_dropped_are_delayed_again(queues: Queues) -> None:
    sent = send(queues, 2, delay=60_000)
    assert ids(take(consume(queues, "default.DQ"))) == sorted(sent)

    assert ids(take(consume(queues, "default.DQ"))) == sorted(sent)  # as after a lost connection


def test_what_redis_would_not_take_back_comes_again_and_ends_no_thread(queues: Queues) -> None:
    sent = send(queues, 2)
    made = consume(queues)
    taken = take(made)
    alive, scripts = queues.broker.client, queues.broker.scripts["dispatch"]
    registered = scripts.registered_client
    try:
        queues.broker.client = scripts.registered_client = dead()
        made.requeue(iter(taken))
    finally:
        queues.broker.client, scripts.registered_client = alive, registered

    assert ids(take(made)) == sorted(sent)


def test_a_message_that_nobody_can_read_is_given_up_and_stops_none_behind_it(queues: Queues) -> None:
    (before,) = send(queues, 1)
    queues.broker.do_enqueue("default", "unreadable", b"no json")
    (behind,) = send(queues, 1)
    made = consume(queues)

    taken: list[Any] = [next(made) for _ in range(3)]
    assert [message and message.message_id for message in taken] == [before, None, behind]
    assert take(made) == []
    assert queues.broker.waiting("default") == 0
    assert queues.broker.dead_letters("default", 10) == {b"unreadable": b"no json"}


def test_a_message_that_nobody_can_read_and_that_got_lost_is_given_up_and_the_others_come_again(queues: Queues) -> None:
    queues.broker.do_enqueue("default", "unreadable", b"no json")
    sent = send(queues, 2)
    queues.broker.do_fetch("default", 3)  # and the reply gets lost

    assert ids(take(consume(queues))) == sorted(sent)
    assert queues.broker.dead_letters("default", 10) == {b"unreadable": b"no json"}


def test_a_message_that_failed_is_dead_and_does_not_come_again(queues: Queues) -> None:
    send(queues, 1)
    made = consume(queues)
    (message,) = take(made)

    made.nack(message)

    assert take(made) == []
    assert len(queues.dead("default")) == 1
