"""Frozen protocols and published figures."""
