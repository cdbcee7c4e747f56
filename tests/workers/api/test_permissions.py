"""Who may call the API of jobs and runs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from tests.workers.api.conftest import JOBS, RUNS, add, client_of

pytestmark = [pytest.mark.django_db]


ENDPOINTS = {
    "list jobs": ("get", JOBS, "view_scheduledjob", 200),
    "read a job": ("get", f"{JOBS}a-job/", "view_scheduledjob", 200),
    "preview a job": ("get", f"{JOBS}a-job/preview/", "view_scheduledjob", 200),
    "add a job": ("post", JOBS, "add_scheduledjob", 400),
    "replace a job": ("put", f"{JOBS}a-job/", "change_scheduledjob", 400),
    "change a job": ("patch", f"{JOBS}a-job/", "change_scheduledjob", 200),
    "run a job": ("post", f"{JOBS}a-job/run/", "change_scheduledjob", 202),
    "pause a job": ("post", f"{JOBS}a-job/pause/", "change_scheduledjob", 200),
    "resume a job": ("post", f"{JOBS}a-job/resume/", "change_scheduledjob", 200),
    "delete a job": ("delete", f"{JOBS}a-job/", "delete_scheduledjob", 204),
    "list runs": ("get", RUNS, "view_run", 200),
    "retry a run": ("post", f"{RUNS}00000000-0000-0000-0000-000000000000/retry/", "change_run", 404),
}


@pytest.mark.parametrize(("method", "path", "permission", "allowed"), ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_only_staff_with_the_permission_may(
    operator: APIClient, method: str, path: str, permission: str, allowed: int
) -> None:
    add(operator)
    with_it = User.objects.create_user("with", is_staff=True)
    with_it.user_permissions.add(Permission.objects.get(codename=permission, content_type__app_label="workers"))
    no_staff = User.objects.create_user("no-staff")
    no_staff.user_permissions.set(Permission.objects.all())
    others = Permission.objects.filter(content_type__app_label="workers").exclude(codename=permission)
    without = User.objects.create_user("without", is_staff=True)
    without.user_permissions.set(others)

    def status(user: User | None) -> int:
        code: int = getattr(client_of(user), method)(path, {}).status_code
        return code

    assert status(None) == 401
    assert status(no_staff) == 403
    assert status(without) == 403
    assert status(with_it) == allowed


@pytest.mark.parametrize("path", [f"{JOBS}a-job/", f"{JOBS}no-such-job/"])
def test_nobody_but_staff_learns_whether_a_job_exists(operator: APIClient, path: str) -> None:
    add(operator)
    answers = {
        client_of(user).get(path).content for user in (User.objects.create_user("one"), User.objects.create_user("two"))
    }

    assert answers == {b'{"detail":"You do not have permission to perform this action."}'}
