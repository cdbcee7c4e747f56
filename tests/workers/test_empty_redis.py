"""`manage.py empty_redis`, as operators type it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from server.embedded import free_port, start_valkey

ADMIN = "the-password-of-the-test"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[redis.Redis]:
    """A server with a password, whose databases 0 and 3 hold a key each."""
    port = free_port()
    # Its readiness is asked for without a password, so it gets one afterwards.
    url, process = start_valkey(tmp_path, tmp_path / "log", port)
    client = redis.Redis(port=port, db=3, password=ADMIN)
    try:
        with redis.Redis.from_url(url) as first:
            first.set("other", 1)
            first.execute_command(
                "ACL", "SETUSER", "reader", "on", f">{ADMIN}", "~*", "+@read", "+@connection", "+dbsize"
            )
            first.config_set("requirepass", ADMIN)
        client.set("message", 1)
        yield client
    finally:
        client.close()
        process.kill()
        process.wait()


def url(client: redis.Redis, login: str, number: int = 3) -> str:
    return f"redis://{login}@127.0.0.1:{client.connection_pool.connection_kwargs['port']}/{number}"


def test_it_empties_the_database_that_is_configured_and_no_other(valkey: redis.Redis, settings: Any) -> None:
    settings.REDIS_URL = url(valkey, f":{ADMIN}")
    said = io.StringIO()

    call_command("empty_redis", stdout=said)

    port = valkey.connection_pool.connection_kwargs["port"]
    assert said.getvalue() == f"redis://127.0.0.1:{port}/3 is empty; keys deleted: 1.\n"
    assert valkey.dbsize() == 0
    with redis.Redis.from_url(url(valkey, f":{ADMIN}", 0)) as other:
        assert other.get("other") == b"1"


@pytest.mark.parametrize("login", [":wrong", "default:wrong", f"reader:{ADMIN}"])
def test_what_it_may_not_do_it_says_in_one_line_and_fails(valkey: redis.Redis, settings: Any, login: str) -> None:
    settings.REDIS_URL = url(valkey, login)

    with pytest.raises(CommandError) as error:
        call_command("empty_redis")

    assert str(error.value).startswith("Nothing was deleted. Redis at redis://127.0.0.1:")
    assert ADMIN not in str(error.value)
    assert "\n" not in str(error.value)
    assert valkey.dbsize() == 1


def test_a_redis_that_is_away_is_a_failure(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    with pytest.raises(CommandError, match="Nothing was deleted"):
        call_command("empty_redis")
