"""The faults' settings, with the duties on the list of what may be scheduled, and a clock in any zone."""

import os

from tests.faults.settings import *  # noqa: F403
from tests.faults.settings import INSTALLED_APPS as OTHERS

INSTALLED_APPS = [*OTHERS, "tests.faults.duties"]
TIME_ZONE = os.environ.get("TRIAL_TIME_ZONE", "Australia/Sydney")
