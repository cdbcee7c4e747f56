"""Typed readers of the environment. Garbage stops the start with one line that names the variable and the fix."""

import os
import re
from urllib.parse import urlsplit

#: The form of an address's path, by scheme: an address that lacks the database's name must not mean some other one.
PATHS = {"postgres": "/.+", "postgresql": "/.+", "redis": r"/?\d*", "rediss": r"/?\d*", "unix": "/.+"}


#: A host's name or address as browsers and mail servers send it: no scheme, no port, no dot at its end.
HOST = r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])"
#: The part before @ is the mail server's business, but for what ends an address or a header.
ADDRESS = rf"[^\s@<>,;:\"()\\]+@{HOST}"


class BadVariable(SystemExit):
    """Ends the process with one line on standard error and exit status 1, without a traceback."""

    def __init__(self, name: str, takes: str) -> None:
        found = "is not set" if name not in os.environ else "has a value it cannot take"
        super().__init__(f"{name} {found}: it takes {takes}.")


def text(name: str, takes: str, default: str | None = None) -> str:
    value = os.environ.get(name, "").strip() or default
    if value is None:
        raise BadVariable(name, takes)
    return value


def key(name: str, takes: str) -> str:
    """A secret that cannot be guessed, as far as its length and its letters tell."""
    value = text(name, takes)
    if len(value) < 32 or len(set(value)) < 5:
        raise BadVariable(name, takes)
    return value


def bearer(name: str) -> str:
    """A secret that is sent in a header, or nothing."""
    value = os.environ.get(name, "").strip()
    if value and not re.fullmatch("[!-~]{16,}", value):
        raise BadVariable(name, "nothing, or a secret of 16 characters or more without spaces")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """Whether a switch is on; off unless set."""
    value = os.environ.get(name, "").strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if not value:
        return default
    raise BadVariable(name, "1 (on) or 0 (off)")


def whole_number(name: str, default: int, least: int, most: int, *, or_zero: bool = False) -> int:
    """A number from `least` to `most`; with `or_zero` also 0, which turns off the thing whose size it is."""
    value = os.environ.get(name, "").strip() or str(default)
    number = int(value) if re.fullmatch("[0-9]{1,9}", value) else -1
    if not least <= number <= most and not (or_zero and number == 0):
        raise BadVariable(name, f"{'0, or ' if or_zero else ''}a whole number from {least} to {most}")
    return number


def words(name: str) -> list[str]:
    """A comma-separated list; empty unless set."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def hosts(name: str, default: str | None = None) -> list[str]:
    """Names that this site is asked for by: `example.com`, `.example.com` with all below it, `*` for any."""
    takes = "host names separated by commas, without https:// and port"
    text(name, takes, default)
    found = words(name)
    for word in found:
        if not re.fullmatch(rf"\*|\.?{HOST}", word, re.IGNORECASE):
            raise BadVariable(name, takes)
    return found


def host(name: str, takes: str, default: str = "") -> str:
    value = os.environ.get(name, "").strip() or default
    if value and not re.fullmatch(HOST, value, re.IGNORECASE):
        raise BadVariable(name, takes)
    return value


def addresses(name: str) -> list[str]:
    """E-mail addresses; none unless set."""
    found = words(name)
    for word in found:
        if not re.fullmatch(ADDRESS, word, re.IGNORECASE):
            raise BadVariable(name, "e-mail addresses separated by commas, such as oncall@example.com")
    return found


def sender(name: str, default: str) -> str:
    """An e-mail address, alone or as in `Poker night <poker@example.com>`."""
    value = os.environ.get(name, "").strip() or default
    if not re.fullmatch(rf"{ADDRESS}|[^<>\r\n]* <{ADDRESS}>", value, re.IGNORECASE):
        raise BadVariable(name, "an e-mail address such as poker@example.com")
    return value


def url(name: str, *schemes: str, example: str) -> str:
    """An address of one of `schemes`. The value is never repeated in an error: it may hold a password."""
    takes = (
        f"an address such as {example} (`make run` brings its own; elsewhere it must be set;"
        " in a password write @ as %40, / as %2F, ? as %3F, # as %23)"
    )
    value = text(name, takes)
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it raises ValueError when it is no number
    except ValueError:
        raise BadVariable(name, takes) from None
    if parts.scheme not in schemes or not value.startswith(f"{parts.scheme}://"):
        raise BadVariable(name, takes)
    # An @ further on means that the password was cut short, and the rest of it would be shown as the address.
    if not re.fullmatch(PATHS[parts.scheme], parts.path) or "@" in parts.path + parts.query + parts.fragment:
        raise BadVariable(name, takes)
    return value


def web_address(name: str, *, example: str) -> str:
    """An http(s) address, or nothing. The value is never repeated in an error: its path may be a secret."""
    value = os.environ.get(name, "").strip()
    if value and not _is_web_address(value):
        raise BadVariable(name, f"nothing, or a web address such as {example}")
    return value


def dsn(name: str, *, example: str) -> str:
    """The address of a project of Sentry, with its key, or nothing."""
    value = os.environ.get(name, "").strip()
    if value and not (_is_web_address(value) and re.fullmatch(r"\w+://[^@/]+@[^@]+/\d+", value)):
        raise BadVariable(name, f"nothing, or the address that Sentry shows for a project, such as {example}")
    return value


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it raises ValueError when it is no number
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)
