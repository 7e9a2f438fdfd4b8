"""The doors of templates and of what waits for a person."""
