"""Cameras, recorder, encoders and sync."""
