"""Doors of the readings."""
