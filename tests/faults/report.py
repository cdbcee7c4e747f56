"""The table of the faults: figures as the trials found them, on the terminal and as a page."""

import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis
from django.conf import settings

TOP = Path(__file__).resolve().parents[2]

#: What the system is to withstand, in the order of the table. A row's fault begins with one of these.
FAULTS = (
    "a random worker process `kill -9` every 5 s while 1,000 games generate",
    "`kill -9` before the insert, after the commit, before the ack (20 times)",
    "SIGSTOP past the heartbeat, then SIGCONT",
    "SIGTERM, SIGKILL after 30 s, ten times under load",
    "Redis `kill -9` and restart with and without its data; `FLUSHALL` mid-run",
    "a job fails while Redis is down, 20 times",
    "Redis frozen 14 s; made a read-only replica and back",
    "a TCP proxy that drops 5 % of Redis replies over 5,000 messages",
    "Redis full (`maxmemory`, noeviction)",
    "`pg_terminate_backend` every 2 s for 2 minutes; PostgreSQL stopped 30 s",
    "a row locked by someone else",
    "each message delivered five times, shuffled, sixteen threads",
    "two schedulers, ten restarts inside the firing minute, 50 slots",
    "the clock at both DST edges, in three zones",
    "a poison message",
    "unknown actor or extra argument after a deploy",
    "schemathesis over the schema as nobody, manager and staff, ≥ 5,000 cases",
    "ten wrong passwords; 200 requests a second by one client",
    "script tags in every text field, in job arguments and tracebacks",
)

HEADINGS = (
    "fault",
    "passes when",
    "trials",
    "lost",
    "duplicated",
    "unexpected",
    "recovered",
    "slowest, s",
    "whole row, s",
    "verdict",
)

WHAT = """\
What `make faults` found: it starts the Procfile's processes on a real PostgreSQL and a real Redis (Valkey), injects
one fault at a time, lets the system recover by itself, and compares the database with what should be there, worked
out from plain dates. Written by the run itself."""

LEGEND = """\
*Lost*: sessions, runs or messages that should be there and are not. *Duplicated*: slots with two runs, work done
twice, the same mail again. *Unexpected*: rows that nothing asked for. *Recovered*: trials that ended as they should
with nobody's help. *Slowest*: from the fault to whole again, the worst trial."""


@dataclass
class Row:
    """What became of one fault. `seconds` is how long the slowest recovery took, `took` the row with all it needs."""

    fault: str
    passes: str
    trials: int | None = None
    lost: int | None = None
    duplicated: int | None = None
    unexpected: int | None = None
    recovered: int | None = None
    seconds: float | None = None
    note: str = ""
    took: float = 0
    passed: bool = False  # by itself, whatever becomes of the other parts of its test
    reason: str = ""  # why it fails

    def cells(self) -> list[str]:
        figures: list[Any] = [self.trials, self.lost, self.duplicated, self.unexpected, self.recovered]
        verdict = f"FAIL: {self.reason}" if self.reason else "pass"
        return [
            self.fault + (f" ({self.note})" if self.note else ""),
            self.passes,
            *("—" if figure is None else f"{figure:,}" for figure in figures),
            "—" if self.seconds is None else f"{self.seconds:.1f}",
            f"{self.took:.0f}" if self.took else "—",
            verdict,
        ]


@dataclass
class Report:
    """The rows of one session, and when it began."""

    rows: list[Row] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def in_order(self) -> list[Row]:
        return sorted(self.rows, key=lambda row: _place(row.fault))

    def untried(self) -> list[str]:
        """The faults that no row is about."""
        return [fault for fault in FAULTS if not any(row.fault.startswith(fault) for row in self.rows)]

    def lines(self) -> Iterator[str]:
        """The table as it is read on a terminal."""
        for row in self.in_order():
            fault, passes, *figures, verdict = row.cells()
            yield f"{verdict.partition(':')[0]:<4} {fault}"
            yield f"       passes when: {passes}"
            yield "       " + ", ".join(f"{name} {n}" for name, n in zip(HEADINGS[2:], figures, strict=False))
            if row.reason:
                yield f"       {row.reason}"

    def page(self) -> str:
        """The report as a Markdown page."""
        rows = self.in_order()
        passed = sum(not row.reason for row in rows)
        minutes = (datetime.now(UTC) - self.began).total_seconds() / 60
        table = [HEADINGS, ["---"] * 2 + ["---:"] * 7 + ["---"], *(row.cells() for row in rows)]
        facts = [f"- {name}: {value}" for name, value in surroundings().items()]
        return "\n".join(
            [
                "# Faults",
                "",
                WHAT,
                "",
                f"**{passed} of {len(rows)} rows pass.** {self.began:%d %B %Y, %H:%M} UTC, {minutes:.0f} minutes.",
                "",
                *facts,
                "",
                *("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in table),
                "",
                LEGEND,
                "",
            ]
        )


def surroundings() -> dict[str, str]:
    """Where and on what the rows were measured."""
    with psycopg.connect(settings.DATABASE_URL) as connection:
        postgres: Any = connection.execute("SHOW server_version").fetchone()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        server: Any = client.info("server")
    name = "Valkey" if "valkey_version" in server else "Redis"
    return {
        "commit": (_git("rev-parse", "--short=12", "HEAD") or "unknown")
        + (" and changes on top" if _git("diff", "HEAD") else ""),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {psutil.virtual_memory().total / 2**30:.1f} GiB of memory",
        "kernel": f"{platform.system()} {re.match(r'[0-9.]*', platform.release())[0]}",  # type: ignore[index]
        "Python": platform.python_version(),
        "PostgreSQL": postgres[0],
        name: server.get("valkey_version") or server["redis_version"],
    }


def _place(fault: str) -> int:
    places = [place for place, known in enumerate(FAULTS) if fault.startswith(known)]
    return places[0] if places else len(FAULTS)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=TOP, capture_output=True, text=True)
    return done.stdout.strip()


def first_line(error: BaseException) -> str:
    """What went wrong, in a line, without the paths of this machine."""
    lines = str(error).splitlines()
    said = lines[0] if lines else ""
    if not isinstance(error, AssertionError) and type(error).__name__ != "Failed":
        said = f"{type(error).__name__}: {said}"
    return said.replace(f"{TOP}/", "").replace(f"{tempfile.gettempdir()}/", "…/")[:300]
