"""What goes wrong with calibrations."""


class CalibrationError(ValueError):
    """What was recorded can not be calibrated; says why, and what to record."""
