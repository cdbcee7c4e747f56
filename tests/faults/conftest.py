"""What every trial is given, and the table that its figures go to.

A test is one row: it is marked with the fault and with what passes, and tells what it found before it asserts. One
that fails, errs or is skipped is a row all the same, and says why.
"""

from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Start, queues, start
from tests.faults.report import Report, Row, first_line
from tests.faults.valkey import Valkey

__all__ = ["TRAPS", "Start", "Trial", "queues", "start"]

#: What processes need in order to know the trials' jobs and fall into their traps.
TRAPS = {"DJANGO_SETTINGS_MODULE": "tests.faults.settings"}

PAGE = pytest.StashKey[Report]()
ROWS = pytest.StashKey[list[Row]]()


class Trial:
    """Collects the figures of one test."""

    def __init__(self, fault: str, passes: str) -> None:
        self.fault, self.passes = fault, passes
        self.rows: list[Row] = []

    def found(self, *, part: str = "", **figures: Any) -> None:
        """Note what a trial found, before anything is asserted about it.

        Parameters:
          trials, lost, duplicated, unexpected, recovered: counts; what is left out is shown as unknown.
          seconds: how long the slowest of the trials took to be whole again.
          note: a few words beside the fault.
          part: when one test tries the fault in several ways, which this was; each is a row.
          passed: whether this part is in order though another may fail.
        """
        fault = f"{self.fault}: {part}" if part else self.fault
        self.rows.append(Row(fault, self.passes, **figures))


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Trial:
    mark = request.node.get_closest_marker("fault")
    assert mark, "a trial is marked with its fault: @pytest.mark.fault(fault, passes=...)"
    trial = Trial(mark.args[0], mark.kwargs["passes"])
    request.node.stash[ROWS] = trial.rows
    return trial


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey that the trial may do anything to. Its `queues` fixture is to be this one's client."""
    server = Valkey(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.end()


# --- The table --------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--report", type=Path, metavar="FILE", help="write the table there when every row was tried")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(fault, passes): a row of the table of faults")
    config.stash[PAGE] = Report()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    outcome = yield
    mark = item.get_closest_marker("fault")
    if mark is None:
        return outcome
    rows = item.stash.setdefault(ROWS, [])
    if call.excinfo:
        if not rows:
            rows.append(Row(mark.args[0], mark.kwargs["passes"]))
        for row in rows:
            row.reason = "" if row.passed else row.reason or first_line(call.excinfo.value) or "it failed"
    if rows:
        rows[0].took += call.duration
    if call.when == "teardown":
        item.config.stash[PAGE].rows += rows
    return outcome


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    report = config.stash[PAGE]
    terminalreporter.section("faults")
    for line in report.lines():
        terminalreporter.write_line(line)
    page: Path | None = config.getoption("--report")
    if page is None:
        return
    if untried := report.untried():
        terminalreporter.write_line(f"No report is written, because these were not tried: {'; '.join(untried)}")
        return
    page.write_text(report.page())
    terminalreporter.write_line(f"The report is in {page} ({datetime.now(UTC):%H:%M} UTC).")
