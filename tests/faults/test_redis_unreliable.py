"""A network that loses what Redis says, and a Redis that is full."""

import http.client
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
import redis
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token

from server.embedded import free_port, until
from tests.faults import calendar
from tests.faults.conftest import Start, Trial
from tests.faults.proxy import LossyProxy
from tests.faults.valkey import Valkey
from tests.processes import Clock
from tests.waiting import eventually
from workers.models import Generation, Run, ScheduledJob

MORNING = datetime.fromisoformat("2026-03-10T06:00:00+11:00")


@pytest.fixture
def queues(valkey: Valkey) -> redis.Redis:
    return valkey.client


# --- A network that loses replies -------------------------------------------------------------------------


@pytest.fixture
def proxy(valkey: Valkey) -> Iterator[LossyProxy]:
    proxy = LossyProxy(valkey.port, loses=0.05)
    yield proxy
    proxy.close()


@pytest.mark.fault(
    "a TCP proxy that drops 5 % of Redis replies over 5,000 messages", passes="no derivable work lost, 0 duplicate rows"
)
def test_replies_get_lost(trial: Trial, start: Start, proxy: LossyProxy) -> None:
    clock = Clock(MORNING, rate=4)
    nights = calendar.expected(calendar.make_games(5000), clock.now())
    start("worker", "scheduler", clock=clock, deployed=clock.now(), REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0")
    Generation.objects.create(at=clock.now(), days=calendar.AHEAD, moved_at=clock.now())  # the reconciler sends it all
    seconds = calendar.seconds_until_whole(nights, within=240)

    difference = calendar.compare(nights)
    trial.found(
        trials=5000,
        lost=difference.lost,
        duplicated=difference.duplicated,
        unexpected=difference.unexpected,
        recovered=5000 if difference.none() else None,
        seconds=seconds,
        note=f"{proxy.lost} of {proxy.lost + proxy.handed_on} replies lost, nine in ten with their connection",
    )
    assert proxy.lost > 100, "too few replies were lost to say anything"
    assert difference.none(), str(difference)


# --- Full -------------------------------------------------------------------------------------------------


class Staff:
    """A member of staff at the web process's API."""

    def __init__(self, port: int) -> None:
        user = User.objects.create_superuser("staff")
        self.port, self.token = port, Token.objects.create(user=user).key

    def asks(self, method: str, path: str) -> int:
        """The status of the answer; 0 when there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Token {self.token}", "Host": "localhost", "X-Forwarded-Proto": "https"}
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            print(method, path, answer.status, answer.read()[:200])
        except OSError:
            return 0
        finally:
            connection.close()
        return answer.status


#: What staff ask for meanwhile, and the answer that they are to get.
REQUESTS = {
    "GET /": 200,
    "GET /api/v1/games/": 200,
    "GET /api/v1/runs/": 200,
    "POST /api/v1/games/{game}/generate/": 200,
    "POST /api/v1/jobs/nightly/run/": 202,
    "POST /api/v1/jobs/nightly/pause/": 200,
    "POST /api/v1/jobs/nightly/resume/": 200,
}


@pytest.mark.fault(
    "Redis full (`maxmemory`, noeviction)", passes="clean errors on the web; catches up once there is room"
)
def test_redis_is_full(trial: Trial, start: Start, valkey: Valkey) -> None:
    clock = Clock(datetime.now().astimezone(), rate=2)
    games = calendar.make_games(200)
    ScheduledJob(id="nightly", actor="scheduled_job", trigger={"type": "cron", "hour": 5}).save(now=clock.now())
    port = free_port()
    web = {"HOST": "127.0.0.1", "PORT": str(port), "ALLOWED_HOSTS": "localhost,127.0.0.1"}
    processes = start("web", "worker", "scheduler", clock=clock, deployed=clock.now(), **web)
    staff = Staff(port)
    eventually(lambda: staff.asks("GET", "/readyz") == 200, within=40)
    eventually(lambda: len(processes.children("worker")) == 2, within=40)

    # When Redis takes nothing more
    valkey.client.config_set("maxmemory-policy", "noeviction")
    valkey.client.config_set("maxmemory", "1")
    answers = {request: staff.asks(*request.format(game=games[0].pk).split()) for request in REQUESTS}
    with pytest.raises(subprocess.CalledProcessError) as refused:
        processes.manage("generate_sessions")
    Generation.objects.create(at=clock.now(), days=calendar.AHEAD, moved_at=clock.now())
    time.sleep(15)  # the processes go on trying
    nights = calendar.expected(games, clock.now())

    # Then it catches up once there is room
    valkey.client.config_set("maxmemory", "0")
    seconds = calendar.seconds_until_whole(nights, within=120)
    until(lambda: not Run.objects.filter(job="nightly", state__in=["queued", "running"]).exists(), seconds=90)
    difference = calendar.compare(nights)
    hang = Run.objects.filter(job="nightly").exclude(state__in=["succeeded", "skipped"]).count()
    broken = {request: status for request, status in answers.items() if status != REQUESTS[request]}
    trial.found(
        trials=len(answers),
        lost=difference.lost + hang,
        duplicated=difference.duplicated,
        unexpected=difference.unexpected + len(broken),
        recovered=len(answers) - len(broken),
        seconds=seconds,
        note="trials are requests to the web process",
    )
    assert not broken, f"no clean answer: {broken}"
    assert "Traceback" not in refused.value.stderr, "the command ends with a traceback"
    assert difference.none(), str(difference)
    assert not hang, f"{hang} runs asked for meanwhile were not done"
