"""The calendar is filled: for the first time, by one night more, and again with nothing to do."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import date

from tests.benchmarks.contenders import Contender
from tests.benchmarks.figures import Figures
from tests.benchmarks.league import League
from tests.benchmarks.place import Processes, flush_redis, processes, require_solitude

STEPS = ("first", "nightly", "rerun")

#: Seconds that one generation may take, and that processes may take to be ready.
TOO_LONG = 30


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
        _time(started, league, contender, "first")  # they start, import and connect meanwhile: this one does not count
        for step in [step for step in STEPS if step in steps]:
            {"first": league.empty, "nightly": league.one_day_back, "rerun": league.leave}[step]()
            yield step, _time(started, league, contender, step)


def _time(started: Processes, league: League, contender: Contender, step: str) -> float:
    ask = contender.rerun if step == "rerun" else contender.nightly
    begun = time.monotonic()
    ask(league.horizon if step == "nightly" else league.today, league.horizon)
    started.wait_for(lambda: not contender.left() and league.is_complete(), TOO_LONG)
    seconds = time.monotonic() - begun
    league.check(notes=contender.notes)
    return seconds
