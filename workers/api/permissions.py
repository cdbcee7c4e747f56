"""Who may use the API of jobs and runs: staff with Django's permissions. Nobody else learns that a job exists."""

from typing import Any

from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request


class StaffOnly(DjangoModelPermissions):
    """Staff with the permission: to view for reading, to change for every action upon a row."""

    perms_map = {
        **{method: ["%(app_label)s.view_%(model_name)s"] for method in ("GET", "HEAD", "OPTIONS")},
        **{method: ["%(app_label)s.change_%(model_name)s"] for method in ("PUT", "PATCH")},
        "POST": ["%(app_label)s.add_%(model_name)s"],
        "DELETE": ["%(app_label)s.delete_%(model_name)s"],
    }

    def has_permission(self, request: Request, view: Any) -> bool:
        if not (request.user and request.user.is_staff):
            return False
        method = "PATCH" if request.method == "POST" and view.detail else str(request.method)
        return bool(request.user.has_perms(self.get_required_permissions(method, view.queryset.model)))
