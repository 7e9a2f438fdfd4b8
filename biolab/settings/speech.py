"""Who transcribes recordings, and from when a transcript is believed."""

from biolab.settings import env

STT_ENGINE = env.choice("STT_ENGINE", ("external", "local", "remote"))
STT_MODEL = env.text("STT_MODEL")
STT_LANGUAGE = env.text("STT_LANGUAGE", "en").replace("auto", "")
STT_BASE_URL = env.text("STT_BASE_URL")
STT_API_KEY = env.text("STT_API_KEY")
STT_GLOSSARY = env.listing("STT_GLOSSARY")
STT_NOTE_CONFIDENCE = env.fraction("STT_NOTE_CONFIDENCE", 0.8)
