"""The panel "Calibrate"."""
