"""Cameras much like those of a real mouse rig."""

from __future__ import annotations

import numpy as np

from napari_sdannce.geometry import Camera

SIZE = (1152, 1024)
"""Width and height of the images, px."""


def mouse_rig(n_cameras: int, *, skew: float = 0.0) -> tuple[Camera, ...]:
    """Distorted cameras 400 mm from the middle, on a ring, looking down at it."""
    width, height = SIZE
    matrix = np.array([[1660.0, skew, width / 2], [0, 1670, height / 2], [0, 0, 1]])
    cameras = []
    for i, angle in enumerate(np.linspace(0, 2 * np.pi, n_cameras, endpoint=False)):
        centre = np.array([360 * np.cos(angle), 360 * np.sin(angle), 180.0])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        lens = ([-0.12, 0.3, -0.9], [-0.002, 0.003])
        cameras.append(Camera(str(i), matrix, rotation, -rotation @ centre, *lens, SIZE))
    return tuple(cameras)
