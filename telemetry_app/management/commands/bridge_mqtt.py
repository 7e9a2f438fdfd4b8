"""``manage.py bridge_mqtt``: store what instruments publish on an MQTT broker."""

from __future__ import annotations

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from biolab.accounts.auth.identity import identify
from biolab.accounts.policies import require_scope
from biolab.accounts.roles import Scope
from biolab.kernel.errors import Forbidden, Unauthenticated
from telemetry_app.mqtt.bridge import Bridge


class Command(BaseCommand):
    help = "Store what instruments publish on the broker of MQTT_URL, until Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.MQTT_URL or not settings.MQTT_TOKEN:
            raise CommandError("Set MQTT_URL (the broker) and MQTT_TOKEN (a service token that may write telemetry).")
        try:
            person = identify(settings.MQTT_TOKEN, at=timezone.now()).person
            require_scope(person, Scope.TELEMETRY_WRITE)
        except (Unauthenticated, Forbidden) as refusal:
            raise CommandError(f"MQTT_TOKEN: {refusal}") from None
        except DatabaseError:
            self.stderr.write("The database does not answer yet; messages wait at the broker.")
        else:
            self.stdout.write(f"Acting as {person.email}.")
        bridge = Bridge.from_settings()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: bridge.stop())
        bridge.run()
        self.stdout.write("The bridge has stopped.")
