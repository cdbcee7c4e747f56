"""What a client of Redis is set to."""

import ssl
from typing import Any

import pytest
import redis

from tests.workers.conftest import Queues
from workers.broker import connect


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1/3", "rediss://:secret@127.0.0.1:1/3", "unix:///no.sock"])
def test_a_connection_gives_up_on_a_silent_server_and_tries_again(url: str) -> None:
    connection: Any = connect(url).connection_pool.make_connection()

    assert 0 < connection.socket_connect_timeout <= 10
    assert 0 < connection.socket_timeout <= 14
    assert connection.health_check_interval
    assert connection.retry.get_retries() > 1


def test_a_connection_by_tcp_notices_a_peer_that_is_gone(queues: Queues) -> None:
    connection: Any = connect("redis://127.0.0.1:1/3").connection_pool.make_connection()

    assert connection.socket_keepalive
    assert connection.db == 3


def test_an_encrypted_connection_takes_a_self_signed_chain() -> None:
    connection: Any = connect("rediss://127.0.0.1:1").connection_pool.make_connection()

    assert isinstance(connection, redis.SSLConnection)
    assert (connection.cert_reqs, connection.check_hostname) == (ssl.CERT_NONE, False)
