"""Cameras, projection, distortion, epipolar geometry and triangulation."""

from napari_sdannce.geometry.cameras import Camera

__all__ = ["Camera"]
