"""Every address the web process answers."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.routers import SimpleRouter

from events import views
from events.api import ClosureViewSet, GameViewSet, SessionViewSet, VenueViewSet
from workers import dashboard, health
from workers.api import JobViewSet, RunViewSet
from workers.metrics import metrics

router = SimpleRouter()
router.register("venues", VenueViewSet)
router.register("games", GameViewSet)
router.register("sessions", SessionViewSet)
router.register("closures", ClosureViewSet)
router.register("jobs", JobViewSet)
router.register("runs", RunViewSet)

urlpatterns = [
    path("", views.whats_on, name="whats-on"),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("healthz/scheduler", health.scheduler),
    path("metrics", metrics),
    path("api/v1/", include(router.urls)),
    path("api/v1/token/", obtain_auth_token),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("admin/retry/run/<uuid:run_id>/", dashboard.retry_run, name="retry-run"),
    path("admin/retry/game/<int:game_id>/", dashboard.retry_game, name="retry-game"),
    path("admin/", admin.site.urls),
]
