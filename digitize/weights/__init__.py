"""Trained weights with their cards."""
