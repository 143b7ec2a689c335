"""What a calibration board is: its corners, its pattern, its file, and how it is printed."""
