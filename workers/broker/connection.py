"""The one way to connect to Redis."""

from __future__ import annotations

from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

#: How many connections a client has at most: a small plan of Redis must do for the clients of all processes.
CONNECTIONS = 5


def connect(url: str, *, patience: float = 10, retries: int = 4) -> redis.Redis:
    """A client of Redis that gives up on a silent server, tries again with backoff, and notices a dead connection.

    `patience`: seconds to wait for an answer.

    Heroku's Redis presents a self-signed chain: with `rediss://` the link is encrypted, the peer not verified.
    """
    options: dict[str, Any] = {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=patience * (retries + 1),  # as long as whoever has the connection may keep it
        socket_connect_timeout=min(patience, 5),  # seconds
        socket_timeout=patience,
        **({} if url.startswith("unix:") else {"socket_keepalive": True}),
        health_check_interval=30,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1), retries=retries),
        **(options if url.startswith("rediss:") else {}),
    )
    return redis.Redis.from_pool(pool)
