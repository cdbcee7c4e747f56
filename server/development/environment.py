"""The environment of the Procfile's commands."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: What `manage.py` in another shell needs in order to talk to the same services.
PUBLISHED = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS")


def env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file: NAME=value lines, with `export`, quotes and # comments as usual."""
    found = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        if equals and not name.startswith("#"):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[name.strip()] = value[1:-1] if quoted else value
    return found


def development_environment(data: Path, port: int) -> dict[str, str]:
    """This process's environment completed for the Procfile's commands, except for the services' addresses."""
    defaults = {"DEBUG": "1", "ALLOWED_HOSTS": "localhost,127.0.0.1"}
    fixed = {
        "HOST": "127.0.0.1",  # the Procfile's default serves a platform's router; here no other machine may come
        "PATH": search_path(),
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }
    return {"SECRET_KEY": _secret_key(data), **defaults, **os.environ, **fixed}


def _secret_key(data: Path) -> str:
    """A random key, kept in `data`, so that people stay logged in over a restart."""
    path = data / "secret_key"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(50))
    return path.read_text()


@contextmanager
def published(data: Path, environment: dict[str, str]) -> Iterator[None]:
    """Show `manage.py` in another shell the way to the services while they run."""
    path = data / "environment"
    _write_private(path, "".join(f"{name}={environment[name]}\n" for name in PUBLISHED))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.rename(path)


def search_path() -> str:
    """PATH with the programs of this virtual environment first, as if it were activated."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
