"""Loaded by periodiq first: Django's settings, so that its clock follows TIME_ZONE, and a look at the services."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.settings")
django.setup()

from workers.backing_services import require_services  # noqa: E402 - needs the settings

require_services()
