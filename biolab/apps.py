"""The wiring's own Django app: settings, servers and the console commands."""

from django.apps import AppConfig


class BiolabConfig(AppConfig):
    """Holds management commands; has no models."""

    name = "biolab"
    verbose_name = "BioLab"

    def ready(self) -> None:
        from biolab import request_log  # noqa: F401  listens to the end of each request
