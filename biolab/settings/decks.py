"""Briefing decks: who outlines them, who paints their pictures, and how often a person may ask."""

from biolab.settings import env

DECK_RATE = env.text("DECK_RATE", "30/min")
DECK_MODEL_URL = env.text("DECK_MODEL_URL", "")
DECK_MODEL = env.text("DECK_MODEL", "")
OPENROUTER_API_KEY = env.text("OPENROUTER_API_KEY", "")
RUNWARE_API_KEY = env.text("RUNWARE_API_KEY", "")
RUNWARE_URL = env.text("RUNWARE_URL", "https://api.runware.ai/v1")
RUNWARE_MODEL = env.text("RUNWARE_MODEL", "runware:101@1")
