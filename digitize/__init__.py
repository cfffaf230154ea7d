"""From a page to calibrated signals."""
