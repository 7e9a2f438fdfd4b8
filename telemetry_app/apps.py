"""The telemetry app."""

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    name = "telemetry_app"
    verbose_name = "Instruments"

    def ready(self) -> None:
        from sessions_app import ports
        from telemetry_app import reactions, stores  # noqa: F401  reactions subscribe as they are read
        from telemetry_app.selectors import SessionReadings

        stores.current()
        ports.bind_readings(SessionReadings())
