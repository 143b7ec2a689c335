"""Cameras, projection, distortion, epipolar geometry and triangulation."""

from napari_sdannce.geometry.cameras import Camera
from napari_sdannce.geometry.dlt import triangulate_dlt, triangulate_pair_median
from napari_sdannce.geometry.epipolar import epipolar_curve
from napari_sdannce.geometry.triangulation import Triangulation, triangulate

__all__ = [
    "Camera",
    "Triangulation",
    "epipolar_curve",
    "triangulate",
    "triangulate_dlt",
    "triangulate_pair_median",
]
