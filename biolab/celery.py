"""The Celery application, shared by the embedded worker and by workers of their own."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biolab.settings.local")

app = Celery("biolab")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
