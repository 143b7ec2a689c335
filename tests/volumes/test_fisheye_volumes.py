"""Volumes seen through fisheyes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.geometry import Camera
from napari_sdannce.volumes import Interpolation, VolumeSampler, VoxelGrid
from napari_sdannce.volumes.angle import ARCTAN, arctan

torch = pytest.importorskip("torch")

from napari_sdannce.volumes.sample_torch import TorchSampler  # noqa: E402

SIZE = (201, 161)
RADIAL = [0.03, -0.012, 0.006, -0.002]
GRID = VoxelGrid(90, 14)


def inside(turn: np.ndarray, radial=RADIAL) -> Camera:
    """Camera in the middle of the world whose image ends some 85 degrees off the axis."""
    matrix = np.array([[66.0, 0.7, 100], [0, 67, 80], [0, 0, 1]])
    return Camera("inside", matrix, turn, np.array([1.0, 2, 3]), radial, np.zeros(2), SIZE, True)


TURNS = [np.eye(3), np.array([[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]]), np.diag([1.0, -1, -1])]
COMS = np.array([[0, 0, 60], [50, -10, 5.0], [-40, 30, -50]])


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8) for _ in TURNS]


def test_arc_tangent() -> None:
    t = np.linspace(0, 1, 100_001, dtype=np.float32)
    found = arctan(t, ARCTAN)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.arctan(t.astype(float)), atol=1.3e-7)


@pytest.mark.parametrize("how", ["nearest", "linear"])
def test_voxels_show_what_the_camera_sees_there(how: str) -> None:
    """Levels of a ramp, read where `Camera.project` says; up to 85 degrees off the axis."""
    columns, rows = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    ramps = [columns.astype(np.uint8), rows.astype(np.uint8)]
    far = 0.0
    for turn in TURNS:
        camera = inside(turn)
        for com in COMS:
            pixels = camera.project(GRID.points(com))
            seen = np.isfinite(pixels).all(axis=1) & camera.sees(pixels)
            for axis, ramp in enumerate(ramps):
                sampler = VolumeSampler((camera,), GRID, Interpolation(how), dtype=np.float32)
                found = sampler.fill([ramp], com[None]).reshape(-1)
                expected = np.clip(pixels[seen, axis], 0, SIZE[axis] - 1)
                limit = 0.501 if how == "nearest" else 2e-3
                np.testing.assert_allclose(found[seen], expected, atol=limit)
            if seen.any():
                depth = camera.rays(pixels[seen]) @ turn[2]
                far = max(far, np.degrees(np.arccos(depth.min())))
    assert far > 84


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("how", list(Interpolation))
def test_both_samplers_give_the_same(how: Interpolation, dtype: str, images) -> None:
    cameras = [inside(turn) for turn in TURNS]
    ours = VolumeSampler(tuple(cameras), GRID, how, dtype=np.dtype(dtype)).fill(images, COMS)
    twin = TorchSampler(cameras, GRID, how, dtype=getattr(torch, dtype)).fill(images, COMS)
    off = np.abs(twin.movedim(1, -1).numpy().astype(float) - ours)
    # torch rounds square roots its own way: 3e-5 px, where levels change by up to 255 a px
    assert (off > 2e-2).mean() <= 1e-3
    assert ours.std() > 30


@pytest.mark.gpu
@pytest.mark.parametrize("how", list(Interpolation))
def test_both_samplers_give_the_same_on_the_gpu(how: Interpolation, images) -> None:
    cameras = [inside(turn) for turn in TURNS]
    ours = VolumeSampler(tuple(cameras), GRID, how).fill(images, COMS)
    theirs = TorchSampler(cameras, GRID, how, "cuda").fill(images, COMS).movedim(1, -1).cpu()
    assert (theirs.numpy() != ours).mean() <= 1e-3


@pytest.mark.parametrize("radial", [RADIAL, [-0.4, 0.05, 0, 0]])
def test_behind_and_beyond_repeat_the_border_of_what_is_seen(radial: list[float]) -> None:
    """In their own direction: no voxel comes back into the image."""
    camera = inside(np.eye(3), radial)
    distance = np.hypot(*np.meshgrid(np.arange(SIZE[0]) - 100.0, np.arange(SIZE[1]) - 80.0))
    image = distance.clip(0, 255).astype(np.uint8)
    grid = VoxelGrid(60, 12)
    for com in ([0, 0, -60.0], [40, 0, -45.0]):
        xyz = camera.to_camera_frame(grid.points(com))
        assert (xyz[:, 2] < 0).all()
        found = VolumeSampler((camera,), grid).fill([image], np.array([com])).reshape(-1)
        widest = camera.widest_angle
        q = widest**2
        rim = (
            66 * widest * (1 + q * (radial[0] + q * (radial[1] + q * (radial[2] + q * radial[3]))))
        )
        assert found.min() > min(rim, 78) - 2
    on_the_eye = VoxelGrid(3, 3)
    volume = VolumeSampler((inside(np.eye(3)),), on_the_eye).fill([image], [(-1, -2, -3)])
    assert volume[0, 1, 1, 1, 0] == 0  # the camera itself: no direction, the principal point
    twin = TorchSampler([inside(np.eye(3))], on_the_eye).fill([image], [(-1, -2, -3)])
    np.testing.assert_array_equal(twin.movedim(1, -1).numpy(), volume)


def test_straight_cameras_beside_fisheyes_are_as_alone(views) -> None:
    cameras, images = views
    wide = inside(TURNS[1])
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)
    alone = VolumeSampler(cameras, GRID).fill(images, COMS)
    both = VolumeSampler((*cameras, wide), GRID).fill([*images, picture], COMS)
    np.testing.assert_array_equal(both[..., :9], alone)
