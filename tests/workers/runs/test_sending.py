"""Sending queued runs while Redis is away."""

import pytest

from tests.workers.scheduled import NOW, fields
from workers import runs
from workers.broker import broker, connect

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is away: nobody listens where the broker looks for it."""
    monkeypatch.setattr(broker(), "client", connect("redis://127.0.0.1:1/0", retries=0))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closed_port")
def test_what_redis_does_not_take_is_left_to_be_sent(caplog: pytest.LogCaptureFixture) -> None:
    run = runs.ask("work", [], {}, job=None, by="ann", now=NOW)

    assert fields(run, "state", "enqueued_at") == ("queued", None)
    assert "Redis did not take 1 runs" in caplog.text
