"""Dramatiq as it comes, without this project's broker and middleware. Run by `dramatiq`."""

import dramatiq
from django.conf import settings
from django_dramatiq.middleware import DbConnectionsMiddleware
from dramatiq.brokers.redis import RedisBroker

from tests.benchmarks.peers import jobs

broker = RedisBroker(url=settings.REDIS_URL, namespace="plain")
broker.add_middleware(DbConnectionsMiddleware())

ACTORS = {name: dramatiq.actor(broker=broker)(job) for name, job in jobs.JOBS.items()}


@dramatiq.actor(broker=broker)
def fan_out(job: str, first: str, last: str) -> None:
    jobs.fan_out(ACTORS[job].send, first, last)


def send(job: str, game: int, first: str, last: str) -> None:
    ACTORS[job].send(game, first, last)


def ask(job: str, first: str, last: str) -> None:
    fan_out.send(job, first, last)


def left() -> int:
    return int(jobs.redis.hlen("plain:default.msgs"))
