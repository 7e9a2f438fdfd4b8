"""Where artifacts are kept other than in a folder."""

from typing import Any


def bucket(
    *,
    name: str,
    endpoint: str = "",
    region: str = "",
    key: str = "",
    secret: str = "",
    patience_s: float = 20,
    attempts: int = 3,
) -> dict[str, Any]:
    """Return Django's storage of an S3-compatible bucket.

    Args:
        endpoint: address of a store other than Amazon's.
        key, secret: credentials; without them those of the machine are used.
        patience_s: how long the store may be silent before a call fails.
        attempts: how often a call is made before it fails.
    """
    from botocore.config import Config  # slow to import, and only wanted here

    client = Config(
        signature_version="s3v4",
        connect_timeout=min(5.0, patience_s),
        read_timeout=patience_s,
        retries={"total_max_attempts": attempts, "mode": "standard"},
    )
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": name,
            "endpoint_url": endpoint or None,
            "region_name": region or None,
            "access_key": key or None,
            "secret_key": secret or None,
            "file_overwrite": True,
            "default_acl": None,
            "querystring_auth": True,
            "client_config": client,
            "max_memory_size": 1024 * 1024,
        },
    }
