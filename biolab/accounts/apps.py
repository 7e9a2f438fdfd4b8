"""The accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "biolab.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from biolab.accounts import schema  # noqa: F401  its classes register themselves
