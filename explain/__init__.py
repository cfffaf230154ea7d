"""Explanations of predictions, in the terms of an ECG reader, with their own tests."""
