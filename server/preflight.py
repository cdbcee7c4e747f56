"""What periodiq loads first: Django's settings (its clock then follows TIME_ZONE) and a look at the services."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
django.setup()

from workers.services import require_services  # noqa: E402 - needs the settings

require_services()
