"""A camera whose projections are known by hand, and the reference's images and cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.geometry import Camera

if TYPE_CHECKING:
    from pathlib import Path


def above(**changes) -> Camera:
    """Camera at the origin looking along z: at 100 mm distance a millimetre is a pixel."""
    matrix = np.array([[100.0, 0, 20], [0, 100, 15], [0, 0, 1]])
    return Camera("above", matrix, np.eye(3), np.zeros(3), **changes)


@pytest.fixture
def camera() -> Camera:
    """See `above`; its images are 41 x 31 px."""
    return above(image_size=(41, 31))


@pytest.fixture
def views() -> tuple[tuple[Camera, ...], list[np.ndarray]]:
    """Three distorted cameras with images of different sizes, of random colours."""
    rng = np.random.default_rng(2)
    turns = [np.eye(3), np.array([[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]]), np.diag([1.0, -1, -1])]
    sizes = [(200, 150), (160, 170), (90, 120)]
    cameras = tuple(
        Camera(
            str(i),
            np.array([[180.0, 2, size[0] / 2], [0, 190, size[1] / 2], [0, 0, 1]]),
            turn,
            np.array([1.0, 2, 150]),
            [-0.2, 0.1, -0.05],
            [0.01, -0.02],
            size,
        )
        for i, (turn, size) in enumerate(zip(turns, sizes, strict=True))
    )
    images = [rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8) for size in sizes]
    return cameras, images


class Reference:
    """Volumes of the reference with the cameras and images they were made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.quarter = self.read("volume_mouse6_quarter")
        self.images = list(self.quarter["images"])

    def read(self, name: str) -> dict[str, np.ndarray]:
        """All arrays of a file."""
        with np.load(self.folder / f"{name}.npz") as file:
            return {key: file[key] for key in file.files}

    def cameras(self, matrices: np.ndarray | None = None) -> tuple[Camera, ...]:
        """The mouse cameras, in our convention, with other intrinsic matrices (file convention)."""
        numbers = self.read("camera_mouse6")
        matrices = numbers["K"] if matrices is None else matrices
        return tuple(
            Camera(str(name), K.T, R.T, t[0], radial, tangential)
            for name, K, R, t, radial, tangential in zip(
                numbers["camnames"],
                matrices,
                *(numbers[key] for key in ("R", "t", "RDistort", "TDistort")),
                strict=True,
            )
        )

    def full_images(self) -> list[np.ndarray]:
        """The blocky images of the full-size volumes."""
        blocks = [
            np.random.RandomState(200 + i).randint(0, 256, (128, 144, 3)).astype(np.uint8)
            for i in range(6)
        ]
        return [np.kron(block, np.ones((8, 8, 1), np.uint8)) for block in blocks]


@pytest.fixture(scope="session")
def reference(golden: Path) -> Reference:
    """Numbers of the reference implementation."""
    return Reference(golden)
