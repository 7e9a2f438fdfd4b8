"""Service mode: PostgreSQL, Redis, a job broker and processes of their own. Refuses to start half configured."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from biolab.settings import env
from biolab.settings.base import *  # noqa: F403
from biolab.settings.base import BASE_DIR, DEBUG, INSTALLED_APPS, OPEN_BENCH, REST_FRAMEWORK, SIMPLE_JWT, STORAGES  # noqa: F401
from biolab.settings.databases import postgresql
from biolab.settings.logs import logging_settings
from biolab.settings.stores import bucket

WEAK = ("changeme", "change-me", "secret", "password", "insecure", "default", "example", "test")


def _strong(name: str, length: int) -> str:
    """Return a secret that is long, varied and not one of the usual placeholders."""
    value = env.required(name)
    if len(value) < length or len(set(value)) < 12 or value.lower().startswith(WEAK):
        raise ImproperlyConfigured(
            f"{name} is too weak: use {length} random characters or more, "
            "for instance from `python -c 'import secrets; print(secrets.token_urlsafe(64))'`."
        )
    return value


PRODUCTION = env.text("PROJECT_ENV", "production") == "production"
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG must not be on in production.")
if PRODUCTION and OPEN_BENCH:
    raise ImproperlyConfigured("BIOLAB_OPEN_BENCH is for closed benches; production refuses it.")

SECRET_KEY = _strong("SECRET_KEY", 50)
DEFAULT_TEAM_NAME = env.text("DEFAULT_TEAM_NAME", "" if PRODUCTION else "Main lab")
SIMPLE_JWT["SIGNING_KEY"] = _strong("JWT_SECRET_KEY", 32)
if SIMPLE_JWT["SIGNING_KEY"] == SECRET_KEY:
    raise ImproperlyConfigured("JWT_SECRET_KEY must differ from SECRET_KEY.")
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS")
if not ALLOWED_HOSTS or (PRODUCTION and "*" in ALLOWED_HOSTS):
    raise ImproperlyConfigured("ALLOWED_HOSTS must list the host names this server answers to.")
CSRF_TRUSTED_ORIGINS = env.listing("CSRF_TRUSTED_ORIGINS")

_ssl = env.flag("SECURE_SSL", default=PRODUCTION)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = _ssl
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$", r"^metrics$"]
SESSION_COOKIE_SECURE = _ssl
CSRF_COOKIE_SECURE = _ssl
SECURE_HSTS_SECONDS = 31536000 if _ssl else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _ssl
SECURE_HSTS_PRELOAD = _ssl

DATABASES = {
    "default": postgresql(env.required("DATABASE_URL"), pool_size=env.number("DATABASE_POOL_SIZE", 20)),
}

REDIS_URL = env.required("REDIS_URL")
CACHES = {"default": {"BACKEND": "biolab.kernel.cache.ForgivingRedis", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "biolab"},
    }
}

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", REDIS_URL)
if urlsplit(CELERY_BROKER_URL).scheme in {"redis", "rediss"}:
    # Redis redelivers an unacknowledged job only after this long; it must exceed the longest task.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_timeout": 10, "unacked_restore_limit": 100}
EMBEDDED = False
INSTALLED_APPS.remove("daphne")  # granian and uvicorn serve here

if env.text("S3_BUCKET"):
    STORAGES["artifacts"] = bucket(
        name=env.text("S3_BUCKET"),
        endpoint=env.text("S3_ENDPOINT_URL"),
        region=env.text("S3_REGION"),
        key=env.text("S3_ACCESS_KEY_ID"),
        secret=env.text("S3_SECRET_ACCESS_KEY"),
    )
STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
STATIC_ROOT = env.folder("BIOLAB_STATIC", BASE_DIR / "staticfiles")
WHITENOISE_USE_FINDERS = False

LOGGING = logging_settings(level=env.text("LOG_LEVEL", "INFO"), style=env.text("LOG_FORMAT", "json"))
