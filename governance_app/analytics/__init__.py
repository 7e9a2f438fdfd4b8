"""The numbers of governance: read, reckoned and shown."""
