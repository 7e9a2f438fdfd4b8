"""Reads of governance that return a shape: one module for each question."""
