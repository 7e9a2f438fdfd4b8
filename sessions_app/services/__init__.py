"""What may be done at the bench."""
