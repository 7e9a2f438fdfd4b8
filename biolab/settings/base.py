"""Settings every mode shares."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext

django_stubs_ext.monkeypatch()

from corsheaders.defaults import default_headers  # noqa: E402
from csp.constants import NONE, SELF  # noqa: E402

from biolab.settings import env  # noqa: E402
from biolab.settings.archives import *  # noqa: E402, F403
from biolab.settings.decks import *  # noqa: E402, F403
from biolab.settings.desk import *  # noqa: E402, F403
from biolab.settings.jobs import *  # noqa: E402, F403
from biolab.settings.mail import outgoing  # noqa: E402
from biolab.settings.revision import checked_out  # noqa: E402
from biolab.settings.speech import *  # noqa: E402, F403

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = env.folder("BIOLAB_DATA", BASE_DIR / ".biolab")
GIT_SHA = env.text("GIT_SHA") or checked_out(BASE_DIR)

DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS: list[str] = []
ROOT_URLCONF = "biolab.urls"
WSGI_APPLICATION = "biolab.wsgi.application"
ASGI_APPLICATION = "biolab.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
# E-mail is unique among active accounts only, which Django's check does not recognise as unique.
SILENCED_SYSTEM_CHECKS = ["auth.E003", "auth.W004"]

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "rest_framework_simplejwt",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_prometheus",
    "django_structlog",
    "corsheaders",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "biolab",
    "biolab.kernel",
    "biolab.accounts",
    "sessions_app",
    "telemetry_app",
    "governance_app",
    "exports_app",
    "biolab.demo",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "biolab.middleware.SlashlessPaths",
    "csp.middleware.CSPMiddleware",
    "biolab.middleware.ScreenPolicies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "biolab.accounts.pages.frame",
            ],
        },
    },
]

# people
AUTHENTICATION_BACKENDS = ["biolab.accounts.backends.GatedBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in"
SESSION_COOKIE_NAME = "biolab_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
OPEN_BENCH = env.flag("BIOLAB_OPEN_BENCH")
INITIAL_ADMIN_EMAIL = env.text("INITIAL_ADMIN_EMAIL", "admin@biolab.example")
INITIAL_ADMIN_USERNAME = env.text("INITIAL_ADMIN_USERNAME", "Administrator")
INITIAL_ADMIN_PASSWORD = env.text("INITIAL_ADMIN_PASSWORD")
SIGN_IN_FAILURES_ALLOWED = 5
SIGN_IN_FAILURE_WINDOW = timedelta(minutes=15)
SIGN_IN_ATTEMPTS_PER_MINUTE = 60
SIGNING_PERIOD = timedelta(minutes=env.number("SIGNING_PERIOD_MINUTES", 15))
OTP_TOTP_ISSUER = "BioLab"
DEFAULT_TEAM_NAME = env.text("DEFAULT_TEAM_NAME", "Main lab")
TRUSTED_PROXIES = env.listing("TRUSTED_PROXIES")

# language and time
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["biolab.formats"]

# files
STATIC_URL = "/static/"
STATIC_ROOT: Path | None = None  # files are found where they lie; service mode collects them
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA_DIR / "files"
ARTIFACTS_DIR = DATA_DIR / "artifacts"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": MEDIA_ROOT}},
    "artifacts": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": ARTIFACTS_DIR}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
KEYS_DIR = env.folder("BIOLAB_KEYS", DATA_DIR / "keys")

# the browser's rules
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CORS_ALLOWED_ORIGINS = env.listing("CORS_ORIGINS")
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = r"^/(?:(?:api|influx|prometheus)/.*|health/?|ready/?)$"
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key", "if-match", "if-none-match", "if-range", "range"]
CORS_EXPOSE_HEADERS = [
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Retry-After",
    "X-Request-ID",
]

# requests
REQUEST_MAX_BYTES = env.number("REQUEST_MAX_BYTES", 10 * 1024 * 1024)
UPLOAD_MAX_BYTES = env.number("UPLOAD_MAX_BYTES", 512 * 1024 * 1024)
DATAPOINTS_MAX = env.number("DATAPOINTS_MAX", 10_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_MAX_BYTES

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "biolab.accounts.auth.JWTAuth",
        "biolab.accounts.auth.ServiceTokenAuth",
        "biolab.accounts.auth.SessionAuth",
        "biolab.accounts.auth.OpenBenchAuth",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["biolab.accounts.permissions.MayPass"],
    "DEFAULT_RENDERER_CLASSES": ["biolab.kernel.api.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["biolab.kernel.api.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "biolab.kernel.api.problem_handler",
    "DEFAULT_THROTTLE_RATES": {"read": env.text("READ_RATE", "6000/min"), "write": env.text("WRITE_RATE", "6000/min")},
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.MultiPartRenderer",
    ],
    "COERCE_DECIMAL_TO_STRING": False,
}
SIMPLE_JWT: dict[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.number("ACCESS_TOKEN_EXPIRE_MINUTES", 15)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ALGORITHM": "HS256",
    "ISSUER": "biolab",
    "AUDIENCE": "biolab",
    "AUTH_HEADER_TYPES": ("Bearer",),
    "UPDATE_LAST_LOGIN": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "BioLab",
    "DESCRIPTION": "Lab sessions, telemetry, approvals and verifiable exports.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["biolab.kernel.schema.prepare_paths"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "biolab.kernel.schema.describe_problems",
        "biolab.kernel.schema.let_empty_be_absent",
    ],
    "ENUM_NAME_OVERRIDES": {
        "SessionStatus": ["pending", "in_progress", "paused", "completed", "aborted"],
        "StepStatus": ["pending", "in_progress", "completed", "skipped"],
        "ProtocolStatus": ["active", "retired"],
        "BenchSessionStatus": ["active", "ended"],
        "TemplateStatus": "governance_app.states.TemplateStatus",
        "StageStatus": "governance_app.states.StageStatus",
        "LadderState": "governance_app.states.LadderState",
        "Readiness": ["ready", "blocked"],
        "BaselineStatus": "governance_app.states.BaselineStatus",
        "OverrideStatus": "governance_app.states.OverrideStatus",
        "OverrideKind": "governance_app.states.OverrideKind",
        "OverrideRule": "governance_app.states.OverrideRule",
        "ModerationState": "governance_app.states.ModerationState",
        "BaselineMove": ["approve", "reject", "publish", "roll_back", "restore"],
        "Decision": ["approved", "rejected"],
        "ArtifactStatus": "exports_app.states.ArtifactStatus",
        "NoteType": "sessions_app.states.NoteType",
        "EntryStatus": "sessions_app.states.EntryStatus",
        "Severity": "sessions_app.states.Severity",
        "SpeechStatus": "sessions_app.states.SpeechStatus",
        "ChannelType": "telemetry_app.states.ChannelType",
        "PlatformRole": "biolab.accounts.roles.PlatformRole",
        "TeamRole": "biolab.accounts.roles.Role",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": False,
}

DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # biolab.request_log tells the address, by TRUSTED_PROXIES
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO

# sockets
WS_HEARTBEAT_INTERVAL = env.number("WS_HEARTBEAT_INTERVAL", 30)
WS_FIRST_FRAME_TIMEOUT_S = 3.0
LIVE_PULSE_S = 5.0

# readings
STORAGE_BACKEND = env.text("STORAGE_BACKEND", "database")
CLICKHOUSE_URL = env.text("CLICKHOUSE_URL")
CLICKHOUSE_CLUSTER = env.text("CLICKHOUSE_CLUSTER")

# mail
globals().update(outgoing(env.text("EMAIL_URL")))
PUBLIC_URL = env.text("PUBLIC_URL").rstrip("/")
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "BioLab <biolab@localhost>")

# instruments
MQTT_URL = env.text("MQTT_URL")
MQTT_TOKEN = env.text("MQTT_TOKEN")
MQTT_CLIENT_ID = env.text("MQTT_CLIENT_ID", "biolab")
MQTT_CA_FILE = env.text("MQTT_CA_FILE")

LOG_RETENTION_DAYS = env.number("LOG_RETENTION_DAYS", 365)

METRICS_TOKEN = env.text("METRICS_TOKEN")
PROMETHEUS_EXPORT_MIGRATIONS = False
