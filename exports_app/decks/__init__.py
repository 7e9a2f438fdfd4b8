"""Briefing decks: outlined from facts or by a model, and written as PowerPoint files."""
