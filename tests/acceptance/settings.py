"""The settings, with the stories' own jobs on the list of what may be scheduled."""

from server.settings import *  # noqa: F403
from server.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.acceptance.work"]
