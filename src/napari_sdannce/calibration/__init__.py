"""Boards, detection and bundle adjustment."""
