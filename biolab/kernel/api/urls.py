"""Where the kernel's doors are."""

from django.urls import path

from biolab.kernel.api.views import HealthDoor, KeysDoor, ReadyDoor, RevisionDoor

urlpatterns = [
    path("health", HealthDoor.as_view(), name="health"),
    path("api/v1/health", RevisionDoor.as_view(), name="health-v1"),
    path("ready", ReadyDoor.as_view(), name="ready"),
    path(".well-known/keys.json", KeysDoor.as_view(), name="keys"),
]
