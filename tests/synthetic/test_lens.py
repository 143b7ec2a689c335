from __future__ import annotations

import numpy as np

from napari_sdannce.synthetic import camera_ring
from napari_sdannce.synthetic.lens import line_of_sight, packed, project


def test_compiled_projection_is_the_cameras() -> None:
    rng = np.random.default_rng(0)
    for camera in camera_ring(3, seed=5):
        lens = packed(camera)
        points = rng.uniform(-300, 300, (50, 3))
        found = np.array([project(lens, *point) for point in points])
        assert np.allclose(found[:, :2], camera.project(points), atol=1e-9)
        assert np.allclose(found[:, 2], camera.to_camera_frame(points)[:, 2])
    assert project(lens, *(3 * camera.centre))[2] < 0


def test_compiled_line_of_sight_is_the_cameras() -> None:
    rng = np.random.default_rng(1)
    for camera in camera_ring(3, seed=6):
        pixels = rng.uniform(0, 1, (60, 2)) * (640, 512)
        found = np.array([line_of_sight(packed(camera), *pixel) for pixel in pixels])
        along = camera.rays(pixels)
        assert np.allclose(found / np.linalg.norm(found, axis=1, keepdims=True), along, atol=1e-11)
        # one unit of depth
        assert np.allclose(found @ camera.rotation[2], 1)
