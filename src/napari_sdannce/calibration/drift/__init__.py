"""Cameras that have moved since they were calibrated: told, and placed anew."""
