"""The backing services of every process, PostgreSQL and Redis: whether they can be reached."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from redis.exceptions import RedisError

from workers.broker import connect

#: Errors of the database that may pass by themselves: it is away, a lock or statement took too long, no connection was
#: left in the pool.
PASSING_ERRORS = (OperationalError, InterfaceError)


def address(url: str) -> str:
    """The address of a service without user name and password, so that it may be shown."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def explain_unreachable(error: Exception) -> str:
    """One line that says which service, at what address (without its password), and what to do."""
    name = "REDIS_URL" if isinstance(error, RedisError) else "DATABASE_URL"
    service = "Redis" if name == "REDIS_URL" else "PostgreSQL"
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    where = address(getattr(settings, name))
    return f"{service} at {where} cannot be used ({reason}). Start it, or set {name} to one that runs."


def ping_database() -> None:
    """Raises django.db.OperationalError when PostgreSQL cannot be used."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def ping_redis() -> None:
    """Raises redis.exceptions.RedisError when Redis cannot be used."""
    client = connect(settings.REDIS_URL, patience=2, retries=0)
    try:
        client.ping()
    finally:
        client.close()


def require_services() -> None:
    """End the process with one line unless both services answer: a platform will start it again."""
    try:
        ping_database()
        ping_redis()
    except (*PASSING_ERRORS, RedisError) as error:
        raise SystemExit(explain_unreachable(error)) from None
    finally:
        connection.close()  # a worker process must not inherit the connection
