"""What every store of readings does, whichever engine is behind it."""
