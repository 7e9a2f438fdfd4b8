"""BioLab: self-hosted lab sessions, from the bench to a verifiable archive."""

from biolab.celery import app as celery_app

__version__ = "0.1.0"
__all__ = ["__version__", "celery_app"]
