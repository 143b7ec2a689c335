"""The report of a calibration: a page, a picture, and numbers."""
