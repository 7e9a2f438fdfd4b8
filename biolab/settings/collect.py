"""Settings for collecting static files while an image is built, when no service and no secret exists yet."""

from biolab.settings.local import *  # noqa: F403
from biolab.settings.local import BASE_DIR, STORAGES

STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
