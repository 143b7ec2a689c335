"""What the 3D view shows beside the animals."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.geometry import Camera
from napari_sdannce.widgets.scene_geometry import frustum

MATRIX = np.array([[310.0, 0, 320], [0, 312, 256], [0, 0, 1]])


def test_frusta_of_straight_cameras_end_at_their_depth() -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.array([0.0, 0, 50]), image_size=(640, 512))
    edges = frustum(camera, 100.0)
    np.testing.assert_allclose(edges[:4, 0], [[0, 0, -50]] * 4)
    np.testing.assert_allclose(edges[:4, 1, 2], 50)


@pytest.mark.parametrize("focal", [310.0, 90.0])
def test_frusta_of_fisheyes_point_at_the_corners_of_the_image(focal: float) -> None:
    matrix = np.array([[focal, 0, 319.5], [0, focal, 255.5], [0, 0, 1]])
    camera = Camera(
        "wide", matrix, np.eye(3), np.zeros(3), np.zeros(4), image_size=(640, 512), fisheye=True
    )
    ends = frustum(camera, 100.0)[:4, 1]
    np.testing.assert_allclose(np.linalg.norm(ends, axis=1), 100)
    angle = np.degrees(np.arccos(ends[:, 2] / 100))
    if focal == 310.0:
        corner = np.degrees(np.hypot(319.5, 255.5) / focal)
        assert angle[0] == pytest.approx(corner, abs=0.1)
        pixels = camera.project(ends)
        np.testing.assert_allclose(pixels[0], [0, 0], atol=1e-6)
    else:  # the corners are past the end of the lens
        np.testing.assert_allclose(angle, 85)
