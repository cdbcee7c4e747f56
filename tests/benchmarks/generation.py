"""The calendar is filled: for the first time, by one night more, and again with nothing to do."""

from __future__ import annotations

import time
from collections.abc import Iterable

from tests.benchmarks.contenders import Contender
from tests.benchmarks.figures import Figures
from tests.benchmarks.league import League
from tests.benchmarks.place import flush_redis, require_solitude
from tests.benchmarks.processes import Processes, processes, wait_until_attached

STEPS = ("first", "nightly", "rerun")

#: Seconds that one generation may take, and that processes may take to be ready.
TOO_LONG = 900

WARM_UP = 500  # games


def compare(contenders: Iterable[Contender], steps: Iterable[str], games: int, repeat: int, figures: Figures) -> None:
    """Games a second of every contender, taking turns `repeat` times on the same games."""
    league = League(games)
    for _ in range(repeat):
        for contender in contenders:
            for step, seconds in generate(league, contender, steps):
                figures.add(step, contender.name, games / seconds)


def generate(league: League, contender: Contender, steps: Iterable[str]) -> Iterable[tuple[str, float]]:
    """The seconds that each step takes a contender, from the asking to the last message done, fan-out included."""
    flush_redis()
    league.empty()
    require_solitude()
    with processes(*contender.commands, **contender.environment) as started:
        _warm_up(started, league, contender)
        for step in [step for step in STEPS if step in steps]:
            {"first": league.empty, "nightly": league.one_day_back, "rerun": league.leave}[step]()
            yield step, _time(started, league, contender, step)


def _warm_up(started: Processes, league: League, contender: Contender) -> None:
    """Let every process import, connect and work a little, which counts for nothing."""
    wait_until_attached(started)
    some = league.some(WARM_UP)
    for game in some:
        contender.one(game, league.today, league.horizon)
    started.wait_for(lambda: not contender.left() and league.is_complete(len(some)), TOO_LONG)


def _time(started: Processes, league: League, contender: Contender, step: str) -> float:
    ask = contender.rerun if step == "rerun" else contender.nightly
    begun = time.monotonic()
    ask(league.horizon if step == "nightly" else league.today, league.horizon)
    started.wait_for(lambda: not contender.left() and league.is_complete(), TOO_LONG)
    seconds = time.monotonic() - begun
    league.check(notes=contender.notes)
    return seconds
