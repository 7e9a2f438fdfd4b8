"""The bench: protocols, sessions, steps, notes and the timeline."""
