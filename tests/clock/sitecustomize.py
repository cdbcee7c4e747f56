"""Another time for a whole process. Python imports this before anything else when its folder is on PYTHONPATH.

CLOCK_STARTS_AT is an aware ISO instant, CLOCK_EPOCH the real time (in seconds) when it was that instant, and
CLOCK_RATE how many seconds pass in a real one. Processes that are given the same three agree on the time,
whenever they start. Only the time of day is shifted: sleeps, timeouts and the monotonic clock stay real, but for
alarms, by which periodiq waits for its minute, and for the pauses between the beats of a worker process.

CLOCK_AHEAD, if given, names a file that says by how many seconds the clocks of such processes are wrong just now; while
there is no such file they are right.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path


def shift_clock(starts_at: datetime, epoch: float, rate: float, ahead: Path | None) -> None:
    sys.modules["pytest"] = None  # type: ignore[assignment]  # or time-machine imports it, to be its plugin
    import time_machine

    del sys.modules["pytest"]
    start_ns, epoch_ns = round(starts_at.timestamp() * 1e9), round(epoch * 1e9)
    real_time_ns = time_machine.escape_hatch.time.time_ns
    wrong_by_ns = wrong_by(ahead) if ahead else lambda: 0
    traveller = time_machine.travel(0).start()
    # Its own clock would start when this process first asks for the time, and run at the real rate.
    traveller.time_ns = (  # type: ignore[method-assign]
        lambda: start_ns + round((real_time_ns() - epoch_ns) * rate) + wrong_by_ns()
    )
    signal.alarm = lambda seconds: round(signal.setitimer(signal.ITIMER_REAL, seconds / rate)[0] * rate)
    quicken_beats(rate)


def wrong_by(file: Path) -> Callable[[], int]:
    """By how many nanoseconds the clock is wrong, as the file says; it is looked at ten times a second at most."""
    seen, by = 0.0, 0

    def now() -> int:
        nonlocal seen, by
        if time.monotonic() - seen > 0.1:
            seen = time.monotonic()
            try:
                by = round(float(file.read_text()) * 1e9)
            except FileNotFoundError:
                by = 0
        return by

    return now


def quicken_beats(rate: float) -> None:
    import threading

    wait = threading.Event.wait

    def waits(event: threading.Event, timeout: float | None = None) -> bool:
        beats = threading.current_thread().name == "pulse"
        return wait(event, timeout / rate if beats and timeout else timeout)

    threading.Event.wait = waits  # type: ignore[assignment, method-assign]


if "CLOCK_STARTS_AT" in os.environ:
    shift_clock(
        datetime.fromisoformat(os.environ["CLOCK_STARTS_AT"]),
        float(os.environ["CLOCK_EPOCH"]),
        float(os.environ["CLOCK_RATE"]),
        Path(os.environ["CLOCK_AHEAD"]) if os.environ.get("CLOCK_AHEAD") else None,
    )
