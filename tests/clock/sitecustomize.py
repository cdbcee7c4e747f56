"""Another time for a whole process. Python imports this before anything else when its folder is on PYTHONPATH.

CLOCK_STARTS_AT is an aware ISO instant, CLOCK_EPOCH the real time (in seconds) when it was that instant, and
CLOCK_RATE how many seconds pass in a real one. Processes that are given the same three agree on the time,
whenever they start. Only the time of day is shifted: sleeps, timeouts and the monotonic clock stay real, but for
alarms, by which periodiq waits for its minute.
"""

import os
import signal
import sys
from datetime import datetime


def shift_clock(starts_at: datetime, epoch: float, rate: float) -> None:
    sys.modules["pytest"] = None  # type: ignore[assignment]  # or time-machine imports it, to be its plugin
    import time_machine

    del sys.modules["pytest"]
    start_ns, epoch_ns = round(starts_at.timestamp() * 1e9), round(epoch * 1e9)
    real_time_ns = time_machine.escape_hatch.time.time_ns
    traveller = time_machine.travel(0).start()
    # Its own clock would start when this process first asks for the time, and run at the real rate.
    traveller.time_ns = lambda: start_ns + round((real_time_ns() - epoch_ns) * rate)  # type: ignore[method-assign]
    signal.alarm = lambda seconds: round(signal.setitimer(signal.ITIMER_REAL, seconds / rate)[0] * rate)


if "CLOCK_STARTS_AT" in os.environ:
    shift_clock(
        datetime.fromisoformat(os.environ["CLOCK_STARTS_AT"]),
        float(os.environ["CLOCK_EPOCH"]),
        float(os.environ["CLOCK_RATE"]),
    )
