"""WSGI entry of service mode's web processes: pages, REST and the admin."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from biolab.bodies import WholeBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biolab.settings.local")
_django = get_wsgi_application()

from telemetry_app.api.quick import QuickDoors  # noqa: E402  apps must be loaded first

pages = QuickDoors(_django)
application = WholeBodies(pages, limit=settings.UPLOAD_MAX_BYTES)
