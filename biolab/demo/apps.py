"""The demo app; it has no tables of its own."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "biolab.demo"
    label = "demo"
    verbose_name = "Demo lab"
