"""The figures as a person reads them: ratios, targets met and missed, a page of the documentation and its plot."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import redis
from django.conf import settings
from django.db import connection

from tests.benchmarks.contenders import PEERS
from tests.benchmarks.figures import STEPS, Figures
from tests.benchmarks.place import TOP

PAGE, PLOT = TOP / "docs" / "benchmarks.md", TOP / "docs" / "benchmarks.svg"

#: Between these lines of the page stands what a run wrote.
BEGIN, END = "<!-- what `make bench` wrote -->", "<!-- the end of it -->"

UNITS = {
    "dispatch": "jobs sent a second",
    "growth": "ms a game, by games",
    "memory": "MB of the fan-out, by games",
    "age": "ms a game, by rule",
    "pages": "ms, p95",
    "punctuality": "s late",
}


@dataclass(frozen=True)
class Target:
    """What a figure is to be: at least or at most so much. `found` is None when it was not measured."""

    said: str
    found: Callable[[Figures], float | None]
    at_least: bool
    goal: float
    unit: str

    def verdict(self, found: float) -> str:
        return "met" if (found >= self.goal if self.at_least else found <= self.goal) else "missed"


def _times(said: str, goal: float, against: str, at: str, *, at_least: bool = True) -> Target:
    def found(figures: Figures) -> float | None:
        return {(whom, workload): times for whom, workload, times in figures.ratios()}.get((against, at))

    return Target(said, found, at_least, goal, " ×")


def _at_most(said: str, goal: float, unit: str, workload: str, who: str) -> Target:
    return Target(said, lambda figures: figures.medians(workload).get(who), False, goal, f" {unit}")


def _no_more_memory(said: str, megabytes: float) -> Target:
    def found(figures: Figures) -> float | None:
        taken = list(figures.medians("memory").values())
        return taken[-1] - taken[0] if taken else None

    return Target(said, found, False, megabytes, " MB")


TARGETS = [
    _times("nightly, over the fastest peer with this project's service", 2, "fastest-same-service", "nightly"),
    _times("first generation, over the same", 1.5, "fastest-same-service", "first"),
    _times("first generation, over the fastest peer with the ordinary job", 1.3, "fastest-ordinary", "first"),
    _times("dispatch of due jobs, over django-celery-beat", 10, "celery-beat", "dispatch"),
    _times("a rerun with nothing to do, over nightly", 1.2, "nightly", "rerun"),
    _times("time a game among 100,000, over 1,000", 1.15, "1000", "growth", at_least=False),
    _no_more_memory("memory of the fan-out at 100,000 games, more than at 1,000", 30),
    _times("a rule begun in 1990, over one begun today", 1.1, "begun-today", "age", at_least=False),
    _at_most("first page of `GET /api/v1/sessions/`, p95", 60, "ms", "pages", "api"),
    _at_most("a venue's month page, p95", 60, "ms", "pages", "month"),
    _at_most("start after slot, p50", 0.2, "s", "punctuality", "p50"),
    _at_most("start after slot, p99", 0.5, "s", "punctuality", "p99"),
]


def lines(figures: Figures) -> Iterator[str]:
    """Each ratio and each verdict on a line of its own."""
    for against, at, times in figures.ratios():
        yield f"ratio {against} {at} {times:.2f}"
    for said, goal, found, verdict in verdicts(figures):
        yield f"{verdict}: {said}: {found} ({goal})"


def verdicts(figures: Figures) -> Iterator[tuple[str, str, str, str]]:
    """What, the target, what was found, and whether that meets it; of what was measured."""
    for target in TARGETS:
        if (found := target.found(figures)) is not None:
            goal = f"{'≥' if target.at_least else '≤'} {target.goal:g}{target.unit}"
            yield target.said, goal, f"{found:.3g}{target.unit}", target.verdict(found)


# --- The page -----------------------------------------------------------------------------------------------


def write(figures: Figures) -> None:
    """Put what was found into the documentation's page, and draw its plot."""
    before, rest = PAGE.read_text().split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text("\n".join([before + BEGIN, "", *_found(figures), "", END]) + after)
    draw(figures, PLOT)


def _found(figures: Figures) -> Iterator[str]:
    yield _surroundings()
    yield f"\n![Games a second]({PLOT.name})\n"
    yield from _table(["target", "", "found", ""], verdicts(figures))
    yield "\nGames a second, by the median:\n"
    yield from _table(["", *STEPS.values()], _generations(figures))
    yield ""
    yield from (f"- {name}: {peer.tuned}" for name, peer in PEERS.items())
    yield "\nAnd all the rest, the medians with what they come from:\n"
    yield from _table(["", "of", "median", "values"], _others(figures))


def _surroundings() -> str:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=TOP, capture_output=True, text=True)
    with connection.cursor() as cursor, redis.Redis.from_url(settings.REDIS_URL) as client:
        cursor.execute("SHOW server_version")
        database, server = cursor.fetchone()[0], client.info("server")
    cache = f"{server.get('server_name', 'redis').capitalize()} {server.get('valkey_version', server['redis_version'])}"
    cpu = next((line for line in _cpuinfo() if line.startswith("model name")), platform.processor()).split(": ")[-1]
    names = ("django", "dramatiq", "huey", "celery", "django-celery-beat")
    return (
        f"{date.today():%-d %B %Y}, at commit {commit.stdout.strip()}, on {psutil.cpu_count()} cores ({cpu}) with"
        f" {psutil.virtual_memory().total / 2**30:.0f} GB: PostgreSQL {database}, {cache}, Python"
        f" {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}."
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _generations(figures: Figures) -> Iterator[list[str]]:
    medians = {step: figures.medians(step) for step in STEPS}
    for who in medians["first"]:
        yield [who, *(f"{medians[step][who]:,.0f}" if who in medians[step] else "" for step in STEPS)]


def _others(figures: Figures) -> Iterator[list[str]]:
    for workload, measured in figures.values.items():
        if workload not in STEPS:
            for who, value in figures.medians(workload).items():
                yield [UNITS[workload], who, f"{value:,.4g}", ", ".join(f"{each:,.4g}" for each in measured[who])]


def _table(head: list[str], rows: Iterator[Any]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cells)} |"


def draw(figures: Figures, path: Path) -> None:
    """Bars of games a second: first generation and nightly, ours on top."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "bench"  # the same figures give the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, sharey=True, figsize=(10, 4), layout="constrained")
    for panel, step in zip(axes, ("first", "nightly"), strict=True):
        medians = figures.medians(step)
        colours = ["tab:purple" if who == "ours" else "tab:gray" for who in medians]
        bars = panel.barh(list(medians), list(medians.values()), color=colours)
        panel.bar_label(bars, fmt="{:,.0f}", padding=3)
        panel.set_title(f"{STEPS[step]}, games a second")
        panel.margins(x=0.15)
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    figure.savefig(path, metadata={"Date": None})
