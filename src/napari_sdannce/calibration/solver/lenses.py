"""Lens models as numbers to solve for: bending, and its slopes by place and by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]

FX, FY, CX, CY, SKEW = range(5)
N_PINHOLE = 5
"""Numbers of a camera before those of its lens."""


class Lens(Protocol):
    """How a kind of lens bends ideal normalised coordinates (x/z, y/z)."""

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of its K numbers."""

    def usual(self, radius: float) -> FloatArray:
        """(K,) how large the numbers usually are, where images reach `radius` (x/z, y/z)."""

    def bend(self, xy: FloatArray, numbers: FloatArray) -> FloatArray:
        """(..., 2) bent coordinates of (..., 2), by numbers (..., K)."""

    def slopes(self, xy: FloatArray, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(..., 2, 2) derivatives of bent by ideal coordinates, (..., 2, K) by the numbers."""


@dataclass(frozen=True)
class BrownLens:
    """Radial and tangential polynomial of a pinhole camera, as OpenCV's k1, k2, p1, p2, k3.

    Brown, Decentering distortion of lenses, Photogrammetric Engineering 32 (1966).
    """

    terms = ("k1", "k2", "p1", "p2", "k3")

    def usual(self, radius: float) -> FloatArray:
        """(5,) such that each radial term moves the corner of the image less than the one before.

        By half, a fifth and a twentieth of its distance from the middle.
        """
        tangential = 0.02
        return np.array([
            0.5 / radius**2, 0.2 / radius**4, tangential, tangential, 0.05 / radius**6
        ])  # fmt: skip

    def bend(self, xy: FloatArray, numbers: FloatArray) -> FloatArray:
        """(..., 2) bent coordinates."""
        x, y = xy[..., 0], xy[..., 1]
        k1, k2, p1, p2, k3 = np.moveaxis(numbers, -1, 0)
        q = x * x + y * y
        scale = 1 + q * (k1 + q * (k2 + q * k3))
        return np.stack(
            [
                x * scale + 2 * p1 * x * y + p2 * (q + 2 * x * x),
                y * scale + p1 * (q + 2 * y * y) + 2 * p2 * x * y,
            ],
            axis=-1,
        )

    def slopes(self, xy: FloatArray, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Derivatives by place, and by the numbers."""
        x, y = xy[..., 0], xy[..., 1]
        k1, k2, p1, p2, k3 = np.moveaxis(numbers, -1, 0)
        q = x * x + y * y
        scale = 1 + q * (k1 + q * (k2 + q * k3))
        slope = 2 * (k1 + q * (2 * k2 + q * 3 * k3))
        across = x * y * slope + 2 * p1 * x + 2 * p2 * y
        place = np.empty((*xy.shape, 2))
        place[..., 0, 0] = scale + x * x * slope + 2 * p1 * y + 6 * p2 * x
        place[..., 0, 1] = place[..., 1, 0] = across
        place[..., 1, 1] = scale + y * y * slope + 6 * p1 * y + 2 * p2 * x
        by_number = np.empty((*xy.shape, 5))
        for row, along in enumerate((x, y)):
            by_number[..., row, 0] = along * q
            by_number[..., row, 1] = along * q * q
            by_number[..., row, 4] = along * q * q * q
        by_number[..., 0, 2] = by_number[..., 1, 3] = 2 * x * y
        by_number[..., 0, 3] = q + 2 * x * x
        by_number[..., 1, 2] = q + 2 * y * y
        return place, by_number


@dataclass(frozen=True)
class FisheyeLens:
    """Polynomial of the angle to the axis, as OpenCV's fisheye k1 ... k4.

    Kannala and Brandt, A generic camera model and calibration method for conventional, wide-angle,
    and fish-eye lenses, IEEE TPAMI 28 (2006).
    """

    terms = ("k1", "k2", "k3", "k4")

    def usual(self, radius: float) -> FloatArray:
        """(4,) as for the other lens, by the angle to the corner."""
        angle = min(radius, 1.4)  # a fisheye's focal length: pixels a radian
        return np.array([0.3, 0.1, 0.05, 0.03]) / angle ** np.array([2, 4, 6, 8])

    def bend(self, xy: FloatArray, numbers: FloatArray) -> FloatArray:
        """(..., 2) bent coordinates."""
        radius, bent, _, _ = self._by_angle(xy, numbers)
        factor = np.where(radius > 1e-9, bent / np.maximum(radius, 1e-9), 1.0)
        return xy * factor[..., None]

    def slopes(self, xy: FloatArray, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Derivatives by place, and by the numbers."""
        radius, bent, slope, powers = self._by_angle(xy, numbers)
        safe = np.maximum(radius, 1e-9)
        factor = np.where(radius > 1e-9, bent / safe, 1.0)
        along = xy / safe[..., None]
        # d bent / d radius, through the angle
        outwards = slope / (1 + radius * radius)
        place = factor[..., None, None] * np.eye(2) + (
            (outwards - factor)[..., None, None] * along[..., :, None] * along[..., None, :]
        )
        return place, along[..., :, None] * powers[..., None, :]

    @staticmethod
    def _by_angle(xy: FloatArray, numbers: FloatArray) -> tuple[FloatArray, ...]:
        """Radius, bent radius, its slope by the angle, its slopes by the numbers."""
        radius = np.hypot(xy[..., 0], xy[..., 1])
        angle = np.arctan(radius)
        q = angle * angle
        powers = np.stack([angle * q, angle * q**2, angle * q**3, angle * q**4], axis=-1)
        evens = np.stack([3 * q, 5 * q**2, 7 * q**3, 9 * q**4], axis=-1)
        bent = angle + (powers * numbers).sum(axis=-1)
        return radius, bent, 1 + (evens * numbers).sum(axis=-1), powers


def names_of(lens: Lens) -> tuple[str, ...]:
    """Names of all intrinsic numbers of a camera."""
    return ("fx", "fy", "cx", "cy", "skew", *lens.terms)


def free_of(lens: Lens, terms: Sequence[str]) -> npt.NDArray[np.bool_]:
    """(P,) intrinsic numbers that are solved for: focal lengths, axis, these terms of the lens.

    Raises
    ------
    ValueError
        When the lens has no such term.
    """
    unknown = [term for term in terms if term not in lens.terms]
    if unknown:
        raise ValueError(
            f"no distortion term {', '.join(unknown)}; there are {', '.join(lens.terms)}"
        )
    return np.array([name in ("fx", "fy", "cx", "cy", *terms) for name in names_of(lens)])


def to_pixels(bent: FloatArray, numbers: FloatArray) -> FloatArray:
    """(..., 2) px of bent normalised coordinates (..., 2), by numbers (..., P)."""
    x, y = bent[..., 0], bent[..., 1]
    return np.stack(
        [
            numbers[..., FX] * x + numbers[..., SKEW] * y + numbers[..., CX],
            numbers[..., FY] * y + numbers[..., CY],
        ],
        axis=-1,
    )


def from_pixels(pixels: FloatArray, numbers: FloatArray) -> FloatArray:
    """Inverse of `to_pixels`."""
    y = (pixels[..., 1] - numbers[..., CY]) / numbers[..., FY]
    x = (pixels[..., 0] - numbers[..., CX] - numbers[..., SKEW] * y) / numbers[..., FX]
    return np.stack([x, y], axis=-1)
