"""Who runs: this project as it is deployed, and each peer with both jobs, tuned as its documentation advises."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from server.supervisor import procfile
from tests.benchmarks.peers import jobs, on_celery, on_dramatiq, on_huey
from tests.benchmarks.place import TOP
from workers import dispatch
from workers.actors import create_sessions_for_game, generate_upcoming_game_sessions
from workers.broker import broker
from workers.models import ScheduledJob

#: How our own processes are started, and with what.
PROCFILE = procfile(TOP / "Procfile")
DEPLOYED = {"DJANGO_SETTINGS_MODULE": "server.settings"}


@dataclass(frozen=True)
class Contender:
    """Processes that generate, and how to ask them to.

    `one` asks for the sessions of a game from `first` to `last`, `nightly` for those of every game by a fan-out, and
    `rerun` does so when they are all there. `left` counts the messages that are not done, a fan-out that is not
    complete being one.
    """

    name: str
    commands: tuple[str, ...]
    environment: dict[str, str]
    one: Callable[[int, date, date], object]
    nightly: Callable[[date, date], None]
    rerun: Callable[[date, date], None]
    left: Callable[[], int]
    #: Whether it notes in `generated_through` how far a game is settled.
    notes: bool = True


# --- Ours -------------------------------------------------------------------------------------------------


def _at_five(first: date, last: date) -> None:
    """Ask as the clock does for the generation of today's 05:00."""
    now = timezone.now()
    five = datetime.combine(now.astimezone(ZoneInfo(settings.TIME_ZONE)), time(5), ZoneInfo(settings.TIME_ZONE))
    slot = five if five < now - timedelta(minutes=2) else five - timedelta(1)
    ScheduledJob.objects.filter(pk="generate_upcoming_game_sessions").update(next_run_at=slot)
    dispatch.dispatch_missed(now)


def _by_hand(first: date, last: date) -> None:
    generate_upcoming_game_sessions.send()


def _our_left() -> int:
    return broker().backlog("clock") + broker().backlog("games")


OURS = Contender(
    "ours",
    (PROCFILE["worker"],),
    DEPLOYED,
    one=lambda game, first, last: create_sessions_for_game.send(game, first.isoformat(), last.isoformat()),
    nightly=_at_five,
    rerun=_by_hand,
    left=_our_left,
)


# --- Peers ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Peer:
    """A library: its module, its processes, and in words how they are tuned. Two cores.

    How many processes and threads is what was fastest here of 2, 4 and 8.
    """

    module: Any
    commands: tuple[str, ...]
    tuned: str
    environment: dict[str, str] = field(default_factory=dict)
    ordinary: tuple[str, ...] = ()  # its processes for the ordinary job, where others are faster


HUEY = "huey_consumer tests.benchmarks.peers.on_huey.huey --workers {} --worker-type process --simple --quiet"
CELERY = (
    "celery --app tests.benchmarks.peers.on_celery worker"
    " --without-gossip --without-mingle --without-heartbeat --loglevel ERROR"
)

PEERS = {
    "huey": Peer(
        on_huey,
        (HUEY.format(2),),
        "worker processes, as advised for work that takes the CPU: 2, and 4 for the ordinary job; blocking reads, no"
        " results, kept connections",
        ordinary=(HUEY.format(4),),
    ),
    "celery-prefork": Peer(
        on_celery,
        (f"{CELERY} --pool prefork --concurrency 4",),
        "4 processes, prefetch multiplier 64, early acknowledgement, no results, no rate limits, no gossip, mingling or"
        " heartbeat, kept connections",
    ),
    "celery-threads": Peer(
        on_celery,
        tuple(f"{CELERY} --pool threads --concurrency 2 --hostname {n}@%h" for n in (1, 2)),
        "two workers of 2 threads, otherwise as with prefork",
    ),
    "dramatiq": Peer(
        on_dramatiq,
        ("dramatiq tests.benchmarks.peers.on_dramatiq:broker --processes 2 --threads 2",),
        "2 processes of 2 threads, 64 messages prefetched, its own middleware and kept connections",
        {"dramatiq_queue_prefetch": "64"},
    ),
}


def _peer(library: str, job: str) -> Contender:
    peer, module = PEERS[library], PEERS[library].module

    def one(game: int, first: date, last: date) -> None:
        module.send(job, game, first.isoformat(), last.isoformat())

    def ask(first: date, last: date) -> None:
        jobs.redis.set(jobs.FANNING_OUT, 1)
        module.ask(job, first.isoformat(), last.isoformat())

    def left() -> int:
        return int(module.left()) + int(jobs.redis.exists(jobs.FANNING_OUT))

    notes = job != "ordinary"
    commands = peer.ordinary if job == "ordinary" and peer.ordinary else peer.commands
    return Contender(f"{library}-{job}", commands, peer.environment, one, ask, ask, left, notes=notes)


CONTENDERS = [OURS, *(_peer(library, job) for job in jobs.JOBS for library in PEERS)]
