"""Filters for the bench's pages."""
