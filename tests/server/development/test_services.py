"""Both services, on real processes."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from server.development.processes import ServiceError
from server.development.services import services

pytestmark = pytest.mark.usefixtures("nothing_named")


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns services in `tmp_path` and has said so."""
    script = """
        import sys
        from pathlib import Path
        from server.development.services import services
        with services(Path(sys.argv[1])) as urls:
            print(urls["DATABASE_URL"], urls["REDIS_URL"], flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def processes_of(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or []) and process.pid != os.getpid()
    ]


def test_both_services_work_and_leave_nothing_running(tmp_path: Path) -> None:
    with services(tmp_path) as urls:
        with psycopg.connect(urls["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("poker",)
        with redis.Redis.from_url(urls["REDIS_URL"]) as client:
            assert client.ping()
        sockets = Path(str(psycopg.conninfo.conninfo_to_dict(urls["DATABASE_URL"])["host"]))
        assert sockets.is_dir()
        assert len(processes_of(tmp_path)) == 2

    assert processes_of(tmp_path) == []
    assert not sockets.exists()


def test_services_named_by_the_environment_are_taken_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {"DATABASE_URL": "postgresql://db.example.com/poker", "REDIS_URL": "redis://redis.example.com"}
    for name, url in named.items():
        monkeypatch.setenv(name, url)

    with services(tmp_path) as urls:
        assert urls == named
        assert processes_of(tmp_path) == []


def test_services_are_stopped_when_their_user_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), services(tmp_path):
        raise ZeroDivisionError

    assert processes_of(tmp_path) == []


def test_what_a_killed_owner_left_running_is_replaced_and_its_data_kept(
    tmp_path: Path, owner: subprocess.Popen[str]
) -> None:
    # Given services with data in them, whose owner is killed
    database, queue = owner.stdout.readline().split()  # type: ignore[union-attr]
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE kept (number int)")
    with redis.Redis.from_url(queue) as client:
        client.set("kept", "1")
    left = processes_of(tmp_path)
    left.remove(psutil.Process(owner.pid))
    owner.kill()
    owner.wait()
    assert len(left) == 2

    # When the next owner starts
    with services(tmp_path) as urls:
        # Then the old servers are gone, and the new ones have their data
        assert not set(left) & set(processes_of(tmp_path))
        with psycopg.connect(urls["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        with redis.Redis.from_url(urls["REDIS_URL"]) as client:
            assert client.get("kept") == b"1"

    assert processes_of(tmp_path) == []


def test_a_second_owner_is_refused(tmp_path: Path, owner: subprocess.Popen[str]) -> None:
    assert owner.stdout is not None
    owner.stdout.readline()

    with pytest.raises(ServiceError, match=f"in use by process {owner.pid}"), services(tmp_path):
        pass

    assert len(processes_of(tmp_path)) == 3, "the first owner and its services are still there"
    owner.communicate()  # ends its input, and so the owner


def test_a_process_that_took_over_a_dead_servers_number_is_spared(tmp_path: Path) -> None:
    with services(tmp_path):
        stale = (tmp_path / "postgres" / "postmaster.pid").read_text().splitlines()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / "postgres" / "postmaster.pid").write_text("\n".join([str(stranger.pid), *stale[1:], ""]))
    (tmp_path / "valkey" / "valkey.pid").write_text(str(stranger.pid))

    with services(tmp_path):
        assert stranger.poll() is None

    stranger.kill()
    stranger.communicate()


def test_a_checkout_may_lie_deeper_than_a_socket_can(tmp_path: Path) -> None:
    data = tmp_path / ("deep " * 20) / ("deeper-" * 12)

    with services(data) as urls, psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
