"""The broker on a real Redis."""

import json
from typing import Any

import pytest
import redis
from django.conf import settings
from dramatiq import Message, get_broker
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.workers.conftest import Queues
from workers import actors
from workers.broker import Broker, broker
from workers.broker import redis_broker as module


def stored(queues: Queues) -> dict[str, Any]:
    """The queues and messages in the broker's namespace, without what differs from one message to the next."""
    client: Any = queues.broker.client
    namespace = queues.broker.namespace
    found: dict[str, Any] = {}
    for key in client.scan_iter(f"{namespace}:*"):
        kind = client.type(key).decode()
        name = key.decode().removeprefix(namespace)
        if kind == "hash":
            entries = {field: json.loads(value) for field, value in client.hgetall(key).items()}
            assert all(entry["options"].pop("redis_message_id") == field.decode() for field, entry in entries.items())
            found[name] = (kind, sorted(entries.values(), key=lambda entry: entry["message_id"]))
        elif kind == "list":
            found[name] = (kind, client.llen(key))
    return found


def messages(number: int) -> list[Message[Any]]:
    return [actors.create_sessions_for_game.message(n, "2026-03-10", "2026-04-07") for n in range(number)]


# --- enqueue_all ------------------------------------------------------------------------------------------


def test_a_batch_lies_in_redis_as_the_librarys_own_messages_do(queues: Queues) -> None:
    batch = [*messages(3), actors.scheduled_job.message()]
    for message in batch:
        queues.broker.enqueue(message)
    expected = stored(queues)
    queues.clear()

    assert queues.broker.enqueue_all(batch) == 4

    assert expected.keys() == {":games", ":games.msgs", ":default", ":default.msgs"}
    assert stored(queues) == expected


def test_messages_keep_their_order(queues: Queues) -> None:
    queues.broker.enqueue_all(messages(5))

    assert [message.args[0] for message in queues.messages("games")] == [0, 1, 2, 3, 4]


def test_the_same_message_twice_is_two_messages(queues: Queues) -> None:
    queues.broker.enqueue_all(messages(1) * 2)

    assert len(queues.messages("games")) == 2


def test_nothing_to_send_is_no_trouble(queues: Queues) -> None:
    assert queues.broker.enqueue_all([]) == 0
    assert stored(queues) == {}


def test_messages_are_made_and_sent_one_bounded_batch_after_another(
    queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    sent = []

    def one_by_one() -> Any:
        for message in messages(5):
            sent.append(queues.broker.waiting("games"))
            yield message

    assert queues.broker.enqueue_all(one_by_one()) == 5
    assert sent == [0, 0, 2, 2, 4]


def test_what_was_sent_before_redis_went_away_stays_sent(queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    real = queues.broker.client
    dead = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))

    def until_redis_goes_away() -> Any:
        for number, message in enumerate(messages(5)):
            queues.broker.client = real if number < 3 else dead
            yield message

    try:
        with pytest.raises(redis.exceptions.RedisError):
            queues.broker.enqueue_all(until_redis_goes_away())
    finally:
        queues.broker.client = real

    assert len(queues.messages("games")) == 2


@pytest.mark.django_db(transaction=True)
def test_a_real_worker_takes_a_batch_and_acknowledges_each(queues: Queues, caplog: pytest.LogCaptureFixture) -> None:
    queues.broker.enqueue_all([*messages(3), actors.scheduled_job.message()])

    queues.work_off("games", "default")

    assert caplog.text.count("does not exist: nothing is done") == 3
    assert not any(queues.broker.client.exists(f"{queues.broker.namespace}:{q}.msgs") for q in ("games", "default"))
    assert queues.dead("games") == queues.dead("default") == []


# --- backlog and waiting ----------------------------------------------------------------------------------


def test_the_backlog_is_what_waits_is_delayed_or_is_being_worked_on(queues: Queues) -> None:
    broker = queues.broker
    broker.enqueue_all(messages(3))
    broker.enqueue(actors.create_sessions_for_game.message(9), delay=60_000)
    broker.enqueue(actors.scheduled_job.message())
    assert (broker.backlog("games"), broker.waiting("games")) == (4, 3)

    consumer = broker.consume("games", prefetch=3, timeout=10)
    taken: list[Any] = [next(consumer) for _ in range(3)]
    assert (broker.backlog("games"), broker.waiting("games")) == (4, 0)

    for message in taken:
        consumer.ack(message)
    assert (broker.backlog("games"), broker.waiting("games")) == (1, 0)


def test_an_unused_queue_has_no_backlog(queues: Queues) -> None:
    assert (queues.broker.backlog("games"), queues.broker.waiting("games")) == (0, 0)


# --- The process's broker ---------------------------------------------------------------------------------


def test_the_processs_broker_has_the_settings_made_on_purpose() -> None:
    made = broker()

    assert isinstance(made, Broker)
    assert made.heartbeat_timeout == settings.BROKER_HEARTBEAT_SECONDS * 1000
    assert made.maintenance_chance == module.MAINTENANCE_CHANCE
    names = [type(each).__name__ for each in made.middleware]
    assert names[0] == "DbConnectionsMiddleware"
    assert {"ClockWatch", "OneSigterm", "Watchdog"} <= set(names)
    assert not {"AdminMiddleware", "AgeLimit"} & set(names)


@pytest.mark.parametrize(("queue", "ahead"), [("games", 64), ("clock", 2), ("default", 4), ("default.DQ", 16)])
def test_a_process_takes_as_many_messages_ahead_as_suits_the_queue(queue: str, ahead: int) -> None:
    """Long jobs leave four of eight threads to the clock and to games."""
    consumer: Any = get_broker().consume(queue, prefetch=16)

    assert consumer.prefetch == ahead
