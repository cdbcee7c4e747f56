"""The settings, with the stories' and the trials' own jobs on the list of what may be scheduled, the traps, and a
clock in any zone."""

import os

from tests.acceptance.settings import *  # noqa: F403
from tests.acceptance.settings import INSTALLED_APPS as OTHERS

INSTALLED_APPS = [*OTHERS, "tests.faults.work", "tests.faults.duties"]
TIME_ZONE = os.environ.get("TRIAL_TIME_ZONE", "Australia/Sydney")
