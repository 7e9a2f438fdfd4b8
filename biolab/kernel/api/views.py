"""Doors that need nobody's name: health, readiness and the public keys."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from biolab.kernel import health, keys
from biolab.kernel.api.doors import Door
from biolab.kernel.errors import Unavailable


class OpenDoor(Door):
    """A door for everyone; credentials, even wrong ones, are not looked at."""

    authentication_classes: Any = ()
    permission_classes: Any = (AllowAny,)
    throttle_classes: Any = ()


class HealthDoor(OpenDoor):
    """The process is alive."""

    @extend_schema(
        summary="Is the process alive?",
        tags=["health"],
        responses=inline_serializer("Alive", {"status": serializers.CharField(), "version": serializers.CharField()}),
    )
    def get(self, request: Request) -> Response:
        return self.answer({"status": "healthy", "version": health.version()})


class RevisionDoor(OpenDoor):
    """The process is alive, and which version and commit it is."""

    @extend_schema(
        summary="Is the process alive, and what runs?",
        tags=["health"],
        responses=inline_serializer(
            "Running",
            {
                "status": serializers.CharField(),
                "version": serializers.CharField(),
                "git_sha": serializers.CharField(help_text="The commit that runs; empty where nothing tells it."),
            },
        ),
    )
    def get(self, request: Request) -> Response:
        return self.answer({"status": "ok", "version": health.version(), "git_sha": settings.GIT_SHA})


class ReadyDoor(OpenDoor):
    """Everything it leans on answers."""

    @extend_schema(
        summary="Do database, broker, channel layer, storage and beat answer?",
        tags=["health"],
        responses=inline_serializer(
            "Ready", {"status": serializers.CharField(), "checks": serializers.DictField(child=serializers.CharField())}
        ),
    )
    def get(self, request: Request) -> Response:
        faults = health.faults(at=self.now)
        checks = {name: faults.get(name, "ok") for name in health.CHECKS}
        if faults:
            told = "; ".join(f"{name.replace('_', ' ')} {complaint}" for name, complaint in faults.items())
            raise Unavailable(f"Not ready: {told}.", code="not_ready", checks=checks)
        return self.answer({"status": "ready", "checks": checks})


class KeysDoor(OpenDoor):
    """The instance's public keys, with which anyone verifies what it signed."""

    @extend_schema(
        summary="Public keys, current and retired",
        tags=["health"],
        responses=inline_serializer(
            "Keys",
            {
                "keys": inline_serializer(
                    "Key",
                    {
                        "key_id": serializers.CharField(),
                        "algorithm": serializers.CharField(),
                        "public_key": serializers.CharField(help_text="32 bytes in hex"),
                        "current": serializers.BooleanField(),
                    },
                    many=True,
                )
            },
        ),
    )
    def get(self, request: Request) -> Response:
        return self.answer({"keys": keys.known_keys()}, headers={"Cache-Control": "public, max-age=300"})
