"""Jobs of the trials. They note what they do in a file: it is there whatever happens to Redis and PostgreSQL."""

import time
from pathlib import Path

from workers.jobs import current_run, job


@job()
def stumble(folder: str, name: str) -> None:
    """Fail at the first attempt, once the file `go` is there; succeed at the next."""
    run = current_run()
    assert run
    _note(folder, f"{name} began {run.attempts}")
    if run.attempts == 1:
        while not (Path(folder) / "go").exists():
            time.sleep(0.02)
        raise RuntimeError(f"{name} stumbles")
    _note(folder, f"{name} ended {run.attempts}")


def _note(folder: str, line: str) -> None:
    with (Path(folder) / "notes").open("a") as notes:
        notes.write(f"{line}\n")  # one write of one line: many processes may append
