"""The exports app."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "exports_app"
    verbose_name = "Exports"

    def ready(self) -> None:
        from exports_app import reactions  # noqa: F401  subscribes to what ladders tell
