"""The bench's pages."""
