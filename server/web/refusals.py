"""The one form of a refusal: JSON for a program, a page for a person."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string


def refuse(request: HttpRequest, status: int, title: str, said: str, *, wait: int | None = None) -> HttpResponse:
    """An answer of `status` that says why. `wait`: the seconds after which the client may ask again."""
    headers = {"Retry-After": str(wait)} if wait else {}
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": f"{title}: {said}"}, status=status, headers=headers)
    # Rendered without the request, whose user and messages need the services that may be away.
    page = render_to_string("refused.html", {"title": title, "said": said})
    return HttpResponse(page, status=status, headers=headers)
