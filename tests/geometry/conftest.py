"""Cameras of the geometry tests: a ring of our own, and those of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.geometry import Camera

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def camera_at(
    angle: float, *, distance: float = 600.0, height: float = 250.0, turn: float = 0.0, **lens
) -> Camera:
    """Camera on a circle round the origin, looking at it, rolled by `turn`."""
    centre = np.array([distance * np.cos(angle), distance * np.sin(angle), height])
    forward = -centre / np.linalg.norm(centre)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    roll = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    rotation = roll @ np.stack([right, down, forward])
    matrix = np.array([[900.0, 3.0, 330], [0, 910.0, 250], [0, 0, 1]])
    shape = {"radial": [-0.2, 0.08, -0.01], "tangential": [0.002, -0.003]} | lens
    return Camera(f"at {angle:.2f}", matrix, rotation, -rotation @ centre, **shape)


def ring_of(n: int) -> tuple[Camera, ...]:
    """Cameras 600 mm from the origin, 640 x 512 px, distorted, skewed and rolled."""
    angles = np.linspace(0, 2 * np.pi, n, endpoint=False) + 0.2
    return tuple(
        camera_at(angle, turn=0.1 * i, image_size=(640, 512)) for i, angle in enumerate(angles)
    )


@pytest.fixture(scope="session")
def rig() -> Callable[[int], tuple[Camera, ...]]:
    """See `ring_of`."""
    return ring_of


@pytest.fixture(scope="session")
def ring() -> tuple[Camera, ...]:
    """Six cameras, see `ring_of`."""
    return ring_of(6)


@pytest.fixture(scope="session")
def points() -> np.ndarray:
    """(500, 3) points within 60 mm of the origin, mm."""
    return np.random.default_rng(5).uniform(-60, 60, (500, 3))


@pytest.fixture(scope="session")
def mouse6(golden: Path) -> tuple[tuple[Camera, ...], dict[str, np.ndarray]]:
    """The reference's six cameras (file convention transposed), and its numbers for them."""
    with np.load(golden / "camera_mouse6.npz") as file:
        numbers = {name: file[name] for name in file.files}
    cameras = tuple(
        Camera(str(name), K.T, R.T, t[0], radial, tangential)
        for name, K, R, t, radial, tangential in zip(
            *(numbers[key] for key in ("camnames", "K", "R", "t", "RDistort", "TDistort")),
            strict=True,
        )
    )
    return cameras, numbers
