"""A whole installation in one file, and back: database, stored objects and keys, each with its digest."""
