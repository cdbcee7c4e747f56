"""Jobs that periodiq itself fires, jobs and games that end their worker, and jobs that the next deploy changes."""

import os
import signal
from typing import Any

import dramatiq
from periodiq import cron

from events.models import Game
from workers import jobs
from workers.broker import broker
from workers.jobs import job

#: What processes need in order to know these jobs.
WORK = {"DJANGO_SETTINGS_MODULE": "tests.faults.duties.settings"}

#: The jobs that periodiq fires, and when.
BY_PERIODIQ = {
    "every_minute": "* * * * *",
    "every_minute_too": "* * * * *",
    "on_the_hour": "0 * * * *",
    "quarter_to_two": "45 1 * * *",
    "quarter_past_two": "15 2 * * *",
    "half_past_two": "30 2 * * *",
}


def nothing() -> None:
    """What matters of these jobs is when they are called."""


for name, spec in BY_PERIODIQ.items():
    nothing.__name__ = name
    job(periodic=cron(spec))(nothing)
    del jobs.declared[name]  # each trial deploys those that it wants, in the zone that it wants


# --- Poison -----------------------------------------------------------------------------------------------


@job()
def poison() -> None:
    """A job that no process outlives."""
    _die("job")


def _die(what: str) -> None:
    """End this process as the kernel does when memory runs out: without a word, but for the count of it."""
    broker().client.incr(f"deaths:{what}")
    os.kill(os.getpid(), signal.SIGKILL)


if poisoned := os.environ.get("POISONED_GAME"):
    game_class: Any = Game
    rule_of = game_class.rule.fget

    def fatal_rule(game: Game) -> Any:
        if game.name == poisoned:
            _die("game")
        return rule_of(game)

    game_class.rule = property(fatal_rule)


# --- Two versions of the code -----------------------------------------------------------------------------


if os.environ.get("NEXT_DEPLOY"):

    @job()
    def paint(name: str, colour: str = "white") -> str:
        return f"{name} is {colour}"

    @job()
    def varnish(name: str) -> str:
        return f"{name} shines"

    @dramatiq.actor(max_retries=0)
    def mark(name: str, colour: str = "white") -> None:
        broker().client.rpush("marks", f"{name} is {colour}")

else:

    @job()
    def paint(name: str) -> str:
        return f"{name} is white"

    @dramatiq.actor(max_retries=0)
    def mark(name: str) -> None:
        broker().client.rpush("marks", f"{name} is white")
