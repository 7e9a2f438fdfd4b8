"""The doors of the bench."""
