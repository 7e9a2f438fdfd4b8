"""The kernel app."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "biolab.kernel"
    label = "kernel"
    verbose_name = "House-keeping"
