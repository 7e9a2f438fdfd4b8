"""Settings of the tests: SQLite in a temporary file, or the PostgreSQL and Redis the environment names."""

import tempfile
from pathlib import Path

from biolab.settings import env
from biolab.settings.base import *  # noqa: F403
from biolab.settings.base import BASE_DIR, SIMPLE_JWT, STORAGES
from biolab.settings.databases import postgresql, sqlite
from biolab.settings.logs import logging_settings

# a worker process started by a test shares the data folder of the test that started it
DATA_DIR = Path(env.text("BIOLAB_TEST_DATA") or tempfile.mkdtemp(prefix="biolab-test-"))
MEDIA_ROOT = DATA_DIR / "files"
ARTIFACTS_DIR = DATA_DIR / "artifacts"
STORAGES["default"]["OPTIONS"]["location"] = MEDIA_ROOT
STORAGES["artifacts"]["OPTIONS"]["location"] = ARTIFACTS_DIR
KEYS_DIR = DATA_DIR / "keys"

SECRET_KEY = "the-tests-only-key-which-is-long-enough-for-every-check-there-is-0123456789"
SIMPLE_JWT["SIGNING_KEY"] = "the-tests-only-jwt-key-which-is-long-enough-0123456789"
ALLOWED_HOSTS = ["*"]
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
WHITENOISE_AUTOREFRESH = True  # else every test client looks through all static files first
PASSWORD_HASHERS = [
    "biolab.settings.quick_hasher.QuickArgon2",
]

_database_url = env.text("BIOLAB_TEST_DATABASE_URL")
_redis_url = env.text("BIOLAB_TEST_REDIS_URL")
_lane = env.text("PYTEST_XDIST_WORKER", "main")
if _redis_url and _lane.startswith("gw"):
    # tests that run side by side must not take each other's jobs
    _redis_url = f"{_redis_url.rsplit('/', 1)[0]}/{int(_lane[2:]) + 1}"

if _database_url:
    # races take a connection for each of twenty people; all lanes and houses together share the server's hundred
    _database = postgresql(_database_url, pool_size=24)
    _database["OPTIONS"]["pool"]["max_idle"] = 1
    _database["TEST"] = {"NAME": env.text("BIOLAB_TEST_DB_NAME", "test_biolab")}
    _database["OPTIONS"]["options"] += " -c synchronous_commit=off"  # no test outlives the machine
else:
    _database = sqlite(DATA_DIR / "biolab.sqlite3")
    _database["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
    _database["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
DATABASES = {"default": _database}

if _redis_url:
    CACHES = {"default": {"BACKEND": "biolab.kernel.cache.ForgivingRedis", "LOCATION": _redis_url}}
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [_redis_url], "prefix": f"biolab-test-{_lane}"},
        }
    }
    CELERY_BROKER_URL = _redis_url
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CELERY_BROKER_URL = "memory://localhost/"
EMBEDDED = not _redis_url
VERIFY_RATE = "6000/min"  # all tests come from one address
ARCHIVE_PDF = False  # drawing and printing take seconds; the tests of both turn it on
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
LOGGING = logging_settings(level="ERROR", style="console")
