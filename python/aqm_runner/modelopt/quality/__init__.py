"""Plans judged in one load and one calibration."""
