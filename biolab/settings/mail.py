"""How mail leaves, from one address."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def outgoing(url: str) -> dict[str, Any]:
    """Return Django's mail settings for ``url``; without one mail is written to the log.

    ``smtp://`` turns to TLS before anything is said (STARTTLS), unless the address ends in ``?tls=off``, for a relay in
    the same network that knows none; ``smtps://`` speaks it from the start.

    Raises:
        ImproperlyConfigured: the URL is not smtp://… or smtps://…, or would send a password in the clear.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    plain = parse_qs(parts.query).get("tls") == ["off"]
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ImproperlyConfigured("EMAIL_URL must look like smtp://user:password@host:587 or smtps://….")
    if plain and (parts.scheme == "smtps" or parts.password):
        raise ImproperlyConfigured("EMAIL_URL turns TLS off where it is asked for or a password is to be kept.")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and not plain,
        "EMAIL_TIMEOUT": 10,
    }
