"""Governance's pages at the bench."""
