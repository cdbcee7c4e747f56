"""A Valkey that a trial may kill, freeze and fill, and start again at the same address."""

from pathlib import Path

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from server.embedded import free_port, start_valkey
from tests.waiting import eventually


class Valkey:
    """Keeps every write on disk before it answers, so that what it has said is there after a `kill -9`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "valkey"
        self.folder.mkdir()
        self.port = free_port()
        self.starts = 0
        self.process: psutil.Popen | None = None
        # One try: a trial wants to see that it is away.
        self.client = redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0), socket_timeout=30)

    def start(self, *, with_its_data: bool = True) -> None:
        if not with_its_data:
            for path in self.folder.rglob("*.*"):
                path.unlink()
        self.starts += 1
        log = self.folder.with_name(f"valkey-{self.starts}.log")
        _, self.process = start_valkey(self.folder, log, self.port, save="", appendonly="yes", appendfsync="always")

    def kill(self) -> None:
        """As the kernel does: no farewell, nothing saved."""
        assert self.process
        self.process.kill()
        self.process.wait()
        self.client.connection_pool.disconnect()

    def freeze(self) -> None:
        assert self.process
        self.process.suspend()
        eventually(lambda: self.process and self.process.status() == psutil.STATUS_STOPPED, within=2)

    def thaw(self) -> None:
        assert self.process
        self.process.resume()

    def end(self) -> None:
        self.client.close()
        if self.process and self.process.is_running():
            self.process.kill()
            self.process.wait()
