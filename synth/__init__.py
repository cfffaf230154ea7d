"""Synthetic paper ECGs with exact truth."""
