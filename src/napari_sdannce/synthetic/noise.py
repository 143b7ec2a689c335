"""Seeded textures: smooth noise in a cube that tiles, and bedding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from napari_sdannce.geometry.compiled import compiled

FloatArray = npt.NDArray[np.float32]


def noise_cube(size: int, seed: int, *, octaves: tuple[float, ...] = (0.8, 1.6, 3.2)) -> FloatArray:
    """Noise (size, size, size) that tiles, mean 0, standard deviation 1.

    `octaves` are widths of the blur of each layer, in cells; each layer weighs the same.
    """
    rng = np.random.default_rng([seed, 23])
    total = np.zeros((size, size, size))
    for width in octaves:
        layer = gaussian_filter(rng.standard_normal(total.shape), width, mode="wrap")
        total += layer / layer.std()
    return np.asarray((total - total.mean()) / total.std(), dtype=np.float32)


def bedding(size: int, span_mm: float, seed: int) -> FloatArray:
    """Texture (size, size, 3) of wood shavings on a square floor `span_mm` wide, 0..255."""
    rng = np.random.default_rng([seed, 29])
    per_mm = size / span_mm
    base = np.array([137.0, 119.0, 96.0])
    shade = gaussian_filter(rng.standard_normal((size, size)), 22 * per_mm, mode="wrap")
    fine = gaussian_filter(rng.standard_normal((size, size)), 0.9, mode="wrap")
    light = 1 + 0.045 * shade / shade.std() + 0.035 * fine / fine.std()
    picture = (base * light[..., None]).astype(np.float32)
    n = int((span_mm**2) / 55)
    places = rng.uniform(0, size, (n, 2))
    halves = per_mm * np.stack([rng.uniform(2.2, 5.5, n), rng.uniform(0.8, 2.0, n)], axis=1)
    turns = rng.uniform(0, np.pi, n)
    tints = base * (1 + 0.13 * rng.standard_normal((n, 1))) + 4 * rng.standard_normal((n, 3))
    _scatter(picture, places, halves, turns, tints)
    return np.asarray(picture)


@compiled
def _scatter(
    picture: FloatArray,
    places: npt.NDArray[np.float64],
    halves: npt.NDArray[np.float64],
    turns: npt.NDArray[np.float64],
    tints: npt.NDArray[np.float64],
) -> None:
    """Lay shavings, each a little lighter on one side, over one another."""
    size = picture.shape[0]
    for k in range(places.shape[0]):
        c, s = np.cos(turns[k]), np.sin(turns[k])
        reach = int(halves[k, 0]) + 2
        x0, y0 = int(places[k, 0]), int(places[k, 1])
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                u = (c * dx + s * dy) / halves[k, 0]
                v = (-s * dx + c * dy) / halves[k, 1]
                d = u * u + v * v
                if d > 1:
                    continue
                cover = 0.85 * min(1.0, 2.5 * (1 - d))
                lit = 1 + 0.07 * v
                y, x = (y0 + dy) % size, (x0 + dx) % size
                for i in range(3):
                    picture[y, x, i] += cover * (tints[k, i] * lit - picture[y, x, i])
