"""Every address the web process answers."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.routers import SimpleRouter
from rest_framework.settings import api_settings

from events import views
from events.api import ClosureViewSet, GameViewSet, SessionViewSet, VenueViewSet
from workers import health
from workers.api import JobViewSet, RunViewSet

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
    path("api/v1/", include(router.urls)),
    path("api/v1/token/", ObtainAuthToken.as_view(throttle_classes=api_settings.DEFAULT_THROTTLE_CLASSES)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("admin/", admin.site.urls),
]
