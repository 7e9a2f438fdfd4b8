"""How dates are written: as ISO 8601 has them, whatever the language."""
