"""WSGI entry of service mode's web processes: pages, REST and the admin."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from biolab.bodies import WholeBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "biolab.settings.local")

application = WholeBodies(get_wsgi_application(), limit=settings.UPLOAD_MAX_BYTES)
