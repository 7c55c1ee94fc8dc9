"""Calibration samples: drawn, written and read."""
