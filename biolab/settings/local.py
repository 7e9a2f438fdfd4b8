"""Embedded mode: one process on SQLite, with worker, beat, queue and channel layer inside."""

from biolab.settings import env
from biolab.settings.base import *  # noqa: F403
from biolab.settings.base import DATA_DIR, SIMPLE_JWT
from biolab.settings.databases import sqlite
from biolab.settings.logs import logging_settings
from biolab.settings.secrets import kept_secret

EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104  whoever opens the server to a network names its hosts or takes any

DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)

SECRET_KEY = env.text("SECRET_KEY") or kept_secret(DATA_DIR / "keys" / "secret_key")
SIMPLE_JWT["SIGNING_KEY"] = env.text("JWT_SECRET_KEY") or kept_secret(DATA_DIR / "keys" / "jwt_key")
HOST = env.text("HOST", "127.0.0.1")
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS", "*" if HOST in EVERYWHERE else f"localhost,127.0.0.1,[::1],{HOST}")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS")

# each thread keeps its connection: the last one to close would write the whole log back into the file
DATABASES = {"default": sqlite(DATA_DIR / "biolab.sqlite3") | {"CONN_MAX_AGE": None}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20000}}}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}}
CELERY_BROKER_URL = "memory://localhost/"
EMBEDDED = True

LOGGING = logging_settings(level=env.text("LOG_LEVEL", "WARNING"), style=env.text("LOG_FORMAT", "console"))
