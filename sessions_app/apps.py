"""The sessions app."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions_app"
    verbose_name = "Bench"

    def ready(self) -> None:
        from biolab.accounts import ports
        from sessions_app import reactions  # noqa: F401  reactions subscribe as they are read
        from sessions_app.services.logs import SignInLog

        ports.bind_sign_ins(SignInLog())
