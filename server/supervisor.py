"""`python -m server.supervisor` is `make run`: the whole system on one machine."""

import sys

from server.development.make_run import answers, main, procfile
from server.development.supervisor import Stop, Stopped, Supervisor

__all__ = ["Stop", "Stopped", "Supervisor", "answers", "procfile"]

if __name__ == "__main__":
    sys.exit(main())
