"""Every address the web process answers."""

from csp import constants as csp
from csp.decorators import csp_update
from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from django_dramatiq.models import Task
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from events.api.closures import ClosureViewSet
from events.api.games import GameViewSet
from events.api.sessions import SessionViewSet
from events.api.venues import VenueViewSet
from events.pages import feeds, session, venue, whats_on
from server.tokens import TokenView
from workers.api import JobViewSet, RunViewSet
from workers.monitoring import dashboard, health
from workers.monitoring.metrics import metrics

router = SimpleRouter()
router.register("venues", VenueViewSet)
router.register("games", GameViewSet)
router.register("sessions", SessionViewSet)
router.register("closures", ClosureViewSet)
router.register("jobs", JobViewSet)
router.register("runs", RunViewSet)

#: What Swagger's scripts need, which we serve: they ask for the schema, style what they draw and inline their pictures.
may_run_swagger = csp_update(
    {
        "script-src": [csp.SELF],
        "connect-src": [csp.SELF],
        "style-src": [csp.UNSAFE_INLINE],
        "img-src": ["data:"],
    }
)

# django-dramatiq's task admin (0.15) shows arguments unescaped; the middleware that would fill it is left out.
admin.site.unregister(Task)

handler500 = "server.web.unavailable.fault"

urlpatterns = [
    path("", whats_on.show, name="whats-on"),
    path("venues/<slug:slug>/", venue.show, name="venue"),
    path("venues/<slug:slug>/calendar.ics", feeds.venue_calendar, name="venue-calendar"),
    path("games/<int:pk>/calendar.ics", feeds.game_calendar, name="game-calendar"),
    path("sessions/<int:pk>/", session.show, name="session"),
    path("favicon.ico", RedirectView.as_view(url=static("events/favicon.svg"))),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("healthz/scheduler", health.scheduler),
    path("metrics", metrics),
    path("api/v1/", include(router.urls)),
    path("api/v1/", RedirectView.as_view(pattern_name="docs")),
    path("api/v1/token/", TokenView.as_view(), name="token"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", may_run_swagger(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="docs"),
    path("admin/retry/run/<uuid:run_id>/", dashboard.retry_run, name="retry-run"),
    path("admin/retry/game/<int:game_id>/", dashboard.retry_game, name="retry-game"),
    path("admin/", admin.site.urls),
]
