"""Archives: how they are packed, kept and given out."""

from pathlib import Path

from biolab.settings import env

_ROOT = Path(__file__).resolve().parent.parent.parent

PACKAGING_ATTEMPTS = env.number("PACKAGING_ATTEMPTS", 5)
ARTIFACT_RETENTION_DAYS = env.number("ARTIFACT_RETENTION_DAYS", 365)
ARCHIVE_PDF = env.flag("ARCHIVE_PDF", True)
PRESS_ENVIRONMENT = env.passed_on(
    "PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "XDG_CACHE_HOME"
)
MIGRATION_LOG = env.folder("MIGRATION_LOG", _ROOT / "problems" / "governance_migration.log")
ARTIFACT_URL_SECONDS = env.number("ARTIFACT_URL_SECONDS", 300)
VERIFY_RATE = env.text("VERIFY_RATE", "30/min")
TIMESTAMP_URL = env.text("TIMESTAMP_URL")
TIMESTAMP_CERTIFICATES = env.text("TIMESTAMP_CERTIFICATES")
