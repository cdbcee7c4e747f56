"""The settings of the peers, and of the program that measures: the project's, with what the peers' documentation asks.

Our own processes take server.settings as they are deployed.
"""

from server.settings import *  # noqa: F403
from server.settings import DATABASES, INSTALLED_APPS, REDIS_URL

INSTALLED_APPS = [*INSTALLED_APPS, "django_celery_beat", "tests.benchmarks"]

# A connection for each thread, kept, with no question before each job whether it is still alive.
DATABASES["default"] |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False, "OPTIONS": {}}

HUEY = {
    "name": "bench",
    "connection": {"url": REDIS_URL},
    "immediate": False,
    "results": False,
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "ERROR"},
}
