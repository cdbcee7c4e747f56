"""A real PostgreSQL and a real Valkey from wheels, for `make run` and the tests.

python -m server.embedded COMMAND ...     runs COMMAND with both services, in a folder that is then removed
"""

import sys

from server.development.command import run
from server.development.environment import search_path
from server.development.processes import ServiceError, ended, until
from server.development.services import services
from server.development.valkey import free_port, start_valkey

__all__ = ["ServiceError", "ended", "free_port", "search_path", "services", "start_valkey", "until"]

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        sys.exit(run(sys.argv[1:]))
    except (ServiceError, FileNotFoundError) as error:
        sys.exit(str(error))
