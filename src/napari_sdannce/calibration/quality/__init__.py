"""What a calibration is worth, in numbers and in findings."""
