"""Structured logs: one JSON line (or one readable line) per entry, without secrets."""

import re
from typing import Any

import structlog

TOKENS = re.compile(r"\bbl_[\w-]{8,}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
SECRETS = frozenset({"password", "token", "secret", "authorization", "cookie", "refresh", "access", "key"})
SECRET_IN_QUERY = re.compile(r"([?&](?:p|token)=)[^&\s]+")
PASSWORD_IN_ADDRESS = re.compile(r"(://[^\s/:@]*:)[^\s/@]+@")
TOKEN_IN_PATH = re.compile(r"(/api/v1/)[^/\s]+(/telemetry)")


def mask(_logger: Any, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Hide every field whose name says it is a secret, and tokens wherever they stand in a text."""
    for name, value in entry.items():
        if name.lower() in SECRETS:
            entry[name] = "…"
        elif isinstance(value, str):
            value = PASSWORD_IN_ADDRESS.sub(r"\1…@", value)
            entry[name] = TOKENS.sub("…", SECRET_IN_QUERY.sub(r"\1…", TOKEN_IN_PATH.sub(r"\1…\2", value)))
    return entry


def logging_settings(*, level: str, style: str) -> dict[str, Any]:
    """Return Django's LOGGING and configure structlog to feed it."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        mask,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    rendered: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask,  # once more: a traceback may quote what it failed on
    ]
    if style == "json":
        rendered += [structlog.processors.JSONRenderer()]
    else:
        rendered += [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": rendered,
                "foreign_pre_chain": shared,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"level": level},
            "django.server": {"handlers": ["console"], "level": level, "propagate": False},
            "daphne": {"level": level},
            "django.request": {"level": "ERROR"},  # each refusal is told once, by the request's own line
            "celery": {"level": level},
        },
    }
