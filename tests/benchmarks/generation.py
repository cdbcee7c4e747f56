"""The calendar is filled: for the first time, by one night more, and again with nothing to do."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator

from tests.benchmarks.contenders import Contender
from tests.benchmarks.figures import STEPS, Figures
from tests.benchmarks.league import League
from tests.benchmarks.place import flush_redis, require_solitude
from tests.benchmarks.processes import Processes, processes, wait_until_attached

#: Seconds that one generation may take, and that processes may take to be ready.
TOO_LONG = 900

WARM_UP = 500  # games


def compare(contenders: Iterable[Contender], asked: Collection[str], games: int, repeat: int, figures: Figures) -> None:
    """Games a second of every contender at the steps `asked` for, taking turns `repeat` times on the same games."""
    last = max(asked, key=list(STEPS).index)
    league = League(games)
    for _ in range(repeat):
        for contender in contenders:
            for step, seconds in generate(league, contender, last):
                if step in asked:
                    figures.add(step, contender.name, games / seconds)


def generate(league: League, contender: Contender, last: str) -> Iterator[tuple[str, float]]:
    """The seconds of each step up to the `last`, from the asking to the last message done, fan-out included."""
    flush_redis()
    league.empty()
    require_solitude()
    with processes(*contender.commands, **contender.environment) as started:
        _warm_up(started, league, contender)
        for step in list(STEPS)[: 1 + list(STEPS).index(last)]:
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
