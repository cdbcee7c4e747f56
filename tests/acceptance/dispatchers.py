"""Four dispatchers at once, each killed after a random while and replaced, until somebody ends them all."""

import os
import random
import signal
import time

import server.preflight  # noqa: F401 - Django's settings
import tests.acceptance.work.actors  # noqa: F401 - what may be scheduled

NUMBER = 4


def main() -> None:
    dispatchers: list[int] = []
    while True:
        while len(dispatchers) < NUMBER:
            dispatchers.append(os.fork() or dispatch_for_ever())
        time.sleep(random.expovariate(8))  # at no particular moment
        victim = dispatchers.pop(random.randrange(NUMBER))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        print("killed", flush=True)


def dispatch_for_ever() -> int:
    from django.utils import timezone

    from workers import dispatch, runs

    while True:
        dispatch.dispatch_due(timezone.now())
        runs.resend(timezone.now())


if __name__ == "__main__":
    main()
