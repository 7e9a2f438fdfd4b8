"""A bucket of a real S3-compatible server; each test has a part of it to itself."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from biolab.settings.stores import bucket
from tests.faults import prepared
from tests.faults.object_server import KEY, SECRET

BUCKET = "biolab"


@cache
def client() -> Any:
    """Return a client of the server that no fault stands in front of."""
    import boto3

    address = prepared.object_store()[0]
    return boto3.client(
        "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )


def server_port() -> int:
    """Return where the server listens."""
    return urlsplit(prepared.object_store()[0]).port or 0


def make_bucket(*, address: str = "", **options: Any) -> dict[str, Any]:
    """Return Django's storage of an empty part of the bucket, as service mode's settings make it.

    Args:
        address: of something in front of the server.
        options: others than the settings', such as ``patience_s``.
    """
    with contextlib.suppress(client().exceptions.BucketAlreadyOwnedByYou, client().exceptions.BucketAlreadyExists):
        client().create_bucket(Bucket=BUCKET)
    given = {"endpoint": address or prepared.object_store()[0], "region": "us-east-1", "key": KEY, "secret": SECRET}
    backend = bucket(name=BUCKET, **{**given, **options})
    backend["OPTIONS"]["location"] = uuid4().hex
    return backend


def objects_in(storage: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the name of every object that the storage has below ``prefix``, asked past any fault."""
    place = storage["OPTIONS"]["location"]
    found = client().list_objects_v2(Bucket=BUCKET, Prefix=f"{place}/{prefix}")
    return [each["Key"].removeprefix(f"{place}/") for each in found.get("Contents", [])]


def change_byte(storage: dict[str, Any], name: str) -> None:
    """Change one bit in the middle of an object, past any fault."""
    place = {"Bucket": BUCKET, "Key": f"{storage['OPTIONS']['location']}/{name}"}
    data = bytearray(client().get_object(**place)["Body"].read())
    data[len(data) // 2] ^= 1
    client().put_object(**place, Body=bytes(data))
