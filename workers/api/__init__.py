"""REST: jobs and their runs, for staff."""

from workers.api.jobs import JobViewSet
from workers.api.runs import RunViewSet

__all__ = ["JobViewSet", "RunViewSet"]
