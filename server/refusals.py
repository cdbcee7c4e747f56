"""What is answered instead of what was asked for: to a program as JSON, to a person as a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string


def refuse(request: HttpRequest, status: int, title: str, said: str, *, wait: int | None = None) -> HttpResponse:
    """`wait` is after how many seconds it may be asked again."""
    headers = {"Retry-After": str(wait)} if wait else {}
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": f"{title}: {said}"}, status=status, headers=headers)
    # Rendered without the request: what stands behind that may be what is away.
    page = render_to_string("refused.html", {"title": title, "said": said})
    return HttpResponse(page, status=status, headers=headers)
