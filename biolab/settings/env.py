"""The environment variables BioLab reads, each with what it means. Nothing else reads ``os.environ``."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

VARIABLES: dict[str, str] = {
    # where and how it runs
    "BIOLAB_DATA": "folder of the database, keys, artifacts and attachments in embedded mode",
    "BIOLAB_STATIC": "folder that service mode collects its static files in",
    "HOST": "address the server listens on",
    "PORT": "port the server listens on",
    "BIOLAB_DEMO": "0 leaves the demo lab out",
    "PROJECT_ENV": "'production' turns on service settings and their checks",
    "DEBUG": "1 shows Django's debug pages; refused in production",
    "GIT_SHA": "commit that runs, told by /api/v1/health; unset: the one that is checked out",
    "LOG_LEVEL": "lowest level that is logged",
    "LOG_FORMAT": "'json' or 'console'",
    # the first administrator
    "INITIAL_ADMIN_EMAIL": "e-mail of the administrator created on first start",
    "INITIAL_ADMIN_USERNAME": "name of the administrator created on first start",
    "INITIAL_ADMIN_PASSWORD": "password of the administrator created on first start",
    # secrets and doors
    "SECRET_KEY": "Django's signing secret, 50 characters or more in production",
    "JWT_SECRET_KEY": "signing key of access tokens, 32 characters or more in production",
    "BIOLAB_KEYS": "folder of the instance's Ed25519 keys",
    "ALLOWED_HOSTS": "comma-separated host names the server answers to",
    "CSRF_TRUSTED_ORIGINS": "comma-separated origins whose forms are accepted",
    "CORS_ORIGINS": "comma-separated origins of other sites that may call the API",
    "SECURE_SSL": "0 serves plain HTTP in production (closed networks only)",
    "METRICS_TOKEN": "bearer token that may read /metrics from elsewhere",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "how long an access token is good",
    "SIGNING_PERIOD_MINUTES": "minutes after a signature in which the next of the same sign-in takes one component",
    "TRUSTED_PROXIES": "comma-separated addresses of proxies whose X-Forwarded-For is believed (loopback always is)",
    "DEFAULT_TEAM_NAME": "team of people who are in none; production has none unless it is named here",
    "BIOLAB_OPEN_BENCH": "1 lets requests without credentials act as one named operator; refused in production",
    # services
    "DATABASE_URL": "postgresql://user:password@host:port/name",
    "DATABASE_POOL_SIZE": "largest number of database connections per process",
    "REDIS_URL": "Redis of the channel layer and the cache",
    "CELERY_BROKER_URL": "amqp:// (RabbitMQ, recommended) or redis:// broker of the job queue",
    "STORAGE_BACKEND": "engine that keeps the readings: 'database' (Django's own), 'timescale' or 'clickhouse'",
    "CLICKHOUSE_URL": "clickhouse://user:password@host:9000/database of STORAGE_BACKEND=clickhouse",
    "CLICKHOUSE_CLUSTER": "cluster of that server whose shards share the readings; unset: one server",
    "MQTT_URL": "mqtt://user:password@host:1883 or mqtts://… of the broker whose messages the bridge stores",
    "MQTT_TOKEN": "service token that the bridge acts as",
    "MQTT_CLIENT_ID": "name of the bridge at the broker, which keeps its messages under it",
    "MQTT_CA_FILE": "certificates that vouch for the broker; unset means the system's own",
    "S3_BUCKET": "bucket for artifacts; unset keeps them in the file system",
    "S3_ENDPOINT_URL": "address of an S3-compatible store",
    "S3_REGION": "region of the bucket",
    "S3_ACCESS_KEY_ID": "access key of the bucket",
    "S3_SECRET_ACCESS_KEY": "secret key of the bucket",
    "EMAIL_URL": "smtp://user:password@host:port or smtps://…, ?tls=off for a plain relay; unset: mail goes to the log",
    "EMAIL_FROM": "sender of notices",
    "PUBLIC_URL": "address under which people reach the server, for links in mail; unset leaves paths",
    # limits
    "REQUEST_MAX_BYTES": "largest request body",
    "UPLOAD_MAX_BYTES": "largest uploaded file",
    "DATAPOINTS_MAX": "datapoints that a controller may send at once",
    "READ_RATE": "reads allowed per person, such as 6000/min",
    "WRITE_RATE": "writes allowed per person, such as 6000/min",
    "WS_HEARTBEAT_INTERVAL": "seconds between two pings of a socket",
    "LOG_RETENTION_DAYS": "days that read information stays in the instruments' log; 0 keeps it for good",
    # archives
    "PACKAGING_ATTEMPTS": "tries at packing an archive before it is given up",
    "ARTIFACT_RETENTION_DAYS": "days a packed archive is kept",
    "ARCHIVE_PDF": "0 packs archives without charts and PDF, and answers 503 to those who ask for one",
    "MIGRATION_LOG": "file that migrate_exports appends what it could not bind to",
    "ARTIFACT_URL_SECONDS": "seconds for which a signed link to an archive works",
    "VERIFY_RATE": "archives that one address may have verified, such as 30/min",
    "TIMESTAMP_URL": "address of an RFC 3161 authority that stamps packed archives; unset: none does",
    "TIMESTAMP_CERTIFICATES": "PEM file with the authority's certificates; unset: whoever answers is not checked",
    # decks
    "DECK_RATE": "outlines and decks a person may ask for, such as 30/min",
    "DECK_MODEL_URL": "address of the OpenAI-compatible server that outlines decks, up to /v1; unset: no model",
    "DECK_MODEL": "name of the model there",
    "OPENROUTER_API_KEY": "bearer token for it; alone it means OpenRouter",
    "RUNWARE_API_KEY": "bearer token of the account at Runware that paints decks' pictures; unset: they are drawn",
    "RUNWARE_URL": "address that takes its tasks instead of https://api.runware.ai/v1",
    "RUNWARE_MODEL": "name of the model there, such as runware:101@1",
    # speech
    "STT_ENGINE": "who transcribes recordings: 'local', 'remote' or 'external'; unset: local with the extra stt",
    "STT_MODEL": "folder of a local model, or the remote model's name; unset: tiny.en of the extra, or whisper-1",
    "STT_LANGUAGE": "language that is spoken, such as en; 'auto' lets the model find out",
    "STT_BASE_URL": "address of the remote engine up to /v1, such as http://gpu.lab:8000/v1",
    "STT_API_KEY": "bearer token for the remote engine",
    "STT_GLOSSARY": "comma-separated words of the lab that an engine may not know",
    "STT_NOTE_CONFIDENCE": "confidence from which a transcript becomes an unverified note by itself; above 1: never",
    # tests
    "BIOLAB_TEST_DATABASE_URL": "PostgreSQL server the tests may use",
    "BIOLAB_TEST_DB_NAME": "name of the database the tests create there",
    "BIOLAB_TEST_REDIS_URL": "Redis the tests may use",
    "BIOLAB_TEST_DATA": "data folder of processes that a test starts",
    "PYTEST_XDIST_WORKER": "which of several test processes this is (set by pytest-xdist)",
    "BIOLAB_REQUIRE_SERVICES": "1 makes missing services an error instead of a skip",
}


def text(name: str, default: str = "") -> str:
    """Return the variable, or ``default`` where it is unset or empty."""
    if name not in VARIABLES:
        raise ImproperlyConfigured(f"{name} is not listed in biolab.settings.env.VARIABLES.")
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    """Return whether the variable says yes."""
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def number(name: str, default: int) -> int:
    """Return the variable as a whole number."""
    value = text(name, str(default))
    if not value.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.")
    return int(value)


def fraction(name: str, default: float) -> float:
    """Return the variable as a number of 0 or more."""
    value = text(name, str(default))
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e9:
        raise ImproperlyConfigured(f"{name} must be a number of 0 or more, not {value!r}.")
    return found


def choice(name: str, choices: tuple[str, ...], default: str = "") -> str:
    """Return the variable, which must be one of ``choices`` where it is set."""
    value = text(name, default)
    if value != default and value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def listing(name: str, default: str = "") -> list[str]:
    """Return the comma-separated variable as a list without blanks."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def required(name: str) -> str:
    """Return the variable.

    Raises:
        ImproperlyConfigured: it is unset; the message says what it is for.
    """
    value = text(name)
    if not value:
        raise ImproperlyConfigured(f"{name} must be set: {VARIABLES[name]}.")
    return value


def folder(name: str, default: Path) -> Path:
    """Return the variable as an absolute path."""
    return Path(text(name, str(default))).expanduser().resolve()


def passed_on(*names: str) -> dict[str, str]:
    """Return those of the variables that are set, for a process that is to see no others."""
    return {name: os.environ[name] for name in names if name in os.environ}
