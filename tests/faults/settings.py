"""The settings, with the trials' own jobs on the list of what may be scheduled, and a clock in any zone."""

import os

from server.settings import *  # noqa: F403
from server.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.acceptance.work", "tests.faults.duties"]
TIME_ZONE = os.environ.get("TRIAL_TIME_ZONE", "Australia/Sydney")
