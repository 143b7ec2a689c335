from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.synthetic import camera_ring
from napari_sdannce.synthetic.rig import FLOOR_SHARE, look_at


def _floor(radius: float) -> np.ndarray:
    around = np.linspace(0, 2 * np.pi, 100)
    rings = [s * radius * np.stack([np.cos(around), np.sin(around)], -1) for s in (0.3, 0.7, 1)]
    flat = np.concatenate(rings)
    return np.column_stack([flat, np.zeros(len(flat))])


@pytest.mark.parametrize("n", [2, 3, 6, 12])
def test_every_camera_sees_the_whole_floor(n: int) -> None:
    cameras = camera_ring(n, seed=n)
    assert [camera.name for camera in cameras] == [f"Camera{i + 1}" for i in range(n)]
    for camera in cameras:
        pixels = camera.project(_floor(FLOOR_SHARE * 800))
        assert camera.sees(pixels).all()
        # and the floor fills the image: the longest focal length was taken
        span = pixels.max(axis=0) - pixels.min(axis=0)
        assert (span / camera.image_size).max() > 0.8


def test_cameras_stand_round_the_arena_and_look_down() -> None:
    cameras = camera_ring(8, radius_mm=500, height_mm=300)
    centres = np.array([camera.centre for camera in cameras])
    assert np.abs(np.linalg.norm(centres[:, :2], axis=1) - 500).max() < 0.05 * 500
    assert np.abs(centres[:, 2] - 300).max() < 0.07 * 300
    assert all(camera.rotation[2, 2] < -0.3 for camera in cameras)
    # world up is image up
    for camera in cameras:
        low, high = camera.project([[0, 0, 0], [0, 0, 50.0]])
        assert high[1] < low[1] - 5
    azimuths = np.unwrap(np.arctan2(centres[:, 1], centres[:, 0]))
    assert np.abs(np.diff(azimuths) - np.pi / 4).max() < 0.13


def test_lenses_bend_and_can_be_undone_to_the_corners() -> None:
    for camera in camera_ring(6, seed=1):
        assert -0.31 < camera.radial[0] < -0.2
        assert np.abs(camera.tangential).max() > 0
        width, height = camera.image_size or (0, 0)
        corners = [[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]]
        assert np.isfinite(camera.rays(corners)).all()
    assert not any(camera.radial.any() for camera in camera_ring(2, distortion=0))


def test_same_seed_same_cameras() -> None:
    first, again, other = (camera_ring(4, seed=s)[2] for s in (3, 3, 4))
    assert np.array_equal(first.projection_matrix, again.projection_matrix)
    assert not np.allclose(first.projection_matrix, other.projection_matrix)


def test_look_at_puts_the_target_on_the_axis() -> None:
    centre, target = np.array([300.0, -200, 400]), np.array([10.0, 5, 0])
    rotation = look_at(centre, target, roll=0.4)
    seen = rotation @ (target - centre)
    assert np.allclose(seen, [0, 0, np.linalg.norm(target - centre)])
    assert np.allclose(rotation @ rotation.T, np.eye(3))


@pytest.mark.parametrize(
    ("n", "changes"), [(0, {}), (2, {"radius_mm": 0.0}), (2, {"distortion": 1.5})]
)
def test_impossible_rigs_are_refused(n: int, changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a camera ring needs"):
        camera_ring(n, **changes)
