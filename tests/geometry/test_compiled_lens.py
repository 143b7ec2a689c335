"""The compiled camera is `Camera`."""

from __future__ import annotations

import numpy as np

from napari_sdannce.geometry import Camera
from napari_sdannce.geometry.camera_rows import camera_rows
from napari_sdannce.geometry.compiled_lens import line_of_sight, look


def test_look_projects(ring, points) -> None:
    rows = camera_rows(ring)
    for v, camera in enumerate(ring):
        found = np.array([look(rows, v, *point) for point in points[:50]])
        np.testing.assert_allclose(found[:, :2], camera.project(points[:50]), atol=1e-9)
        in_camera = camera.to_camera_frame(points[:50])
        np.testing.assert_allclose(found[:, 2:4], in_camera[:, :2] / in_camera[:, 2:], atol=1e-12)
        np.testing.assert_allclose(1 / found[:, 4], in_camera[:, 2])


def test_line_of_sight_undoes_it(ring) -> None:
    pixels = np.random.default_rng(1).uniform(0, 1, (60, 2)) * (640, 512)
    rows = camera_rows(ring)
    for v, camera in enumerate(ring):
        found = np.array([line_of_sight(rows, v, *pixel) for pixel in pixels])
        unit = found / np.linalg.norm(found, axis=1, keepdims=True)
        np.testing.assert_allclose(unit, camera.rays(pixels), atol=1e-11)
        np.testing.assert_allclose(found @ camera.rotation[2], 1)


def test_nothing_behind_or_beyond_the_lens(ring) -> None:
    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    folding = Camera("folding", matrix, np.eye(3), np.zeros(3), [-0.3, 0.0])
    rows = camera_rows([folding])
    assert np.isnan(look(rows, 0, 0.0, 0.0, -1.0)).all()
    assert np.isnan(look(rows, 0, 1.1 * folding.reach, 0.0, 1.0)).all()
    assert np.isfinite(look(rows, 0, 0.9 * folding.reach, 0.0, 1.0)).all()
    assert np.isnan(line_of_sight(rows, 0, 3000.0, 240.0)).all()
