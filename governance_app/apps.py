"""The governance app."""

from importlib import import_module

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "governance_app"
    verbose_name = "Compliance desk"

    def ready(self) -> None:
        import_module("governance_app.reactions")
