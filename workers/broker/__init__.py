"""Dramatiq's broker on Redis, with the middleware that this project adds to it."""

from workers.broker.clock_watch import ClockWatch
from workers.broker.connection import connect
from workers.broker.life import Life
from workers.broker.one_sigterm import OneSigterm
from workers.broker.redis_broker import BATCH, Broker, broker
from workers.broker.watchdog import Watchdog

__all__ = ["BATCH", "Broker", "ClockWatch", "Life", "OneSigterm", "Watchdog", "broker", "connect"]
