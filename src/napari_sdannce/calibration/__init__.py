"""Boards, detection, bundle adjustment, and what a calibration is worth."""
