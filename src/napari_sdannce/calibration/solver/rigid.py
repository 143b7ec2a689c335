"""Rotations and rigid motions, many at once: exponential, logarithm, means.

A motion takes a point x to ``rotation @ x + translation``. Rotations are changed by turning the
result: ``exp(w) @ rotation`` for a small rotation vector w.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def cross_matrix(vectors: FloatArray) -> FloatArray:
    """(..., 3, 3) matrices that multiply like the cross product with (..., 3)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def exp(vectors: FloatArray) -> FloatArray:
    """(..., 3, 3) rotations by the angles and about the axes of rotation vectors (..., 3).

    Rodrigues' formula.

    Examples
    --------
    >>> (exp(np.array([0, 0, np.pi / 2])) @ [1, 0, 0]).round(12).tolist()
    [0.0, 1.0, 0.0]
    """
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    tilt = cross_matrix(vectors)
    # np.sinc(a / pi) is sin(a) / a, also at zero
    return np.asarray(
        np.eye(3)
        + np.sinc(angle / np.pi) * tilt
        + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * tilt @ tilt
    )


def log(rotations: FloatArray) -> FloatArray:
    """(..., 3) rotation vectors of rotations (..., 3, 3), angles up to pi; inverse of `exp`."""
    from scipy.spatial.transform import Rotation

    flat = np.ascontiguousarray(rotations).reshape(-1, 3, 3)
    if not len(flat):
        return np.zeros((*rotations.shape[:-2], 3))
    return np.asarray(Rotation.from_matrix(flat).as_rotvec()).reshape(*rotations.shape[:-2], 3)


def angle_between(a: FloatArray, b: FloatArray) -> FloatArray:
    """(...) angle in radians that turns rotations a (..., 3, 3) into b."""
    # by the chord and not by the trace, which knows nothing of small angles
    chord = np.linalg.norm(a - b, axis=(-2, -1)) / np.sqrt(8)
    return np.asarray(2 * np.arcsin(np.minimum(chord, 1)))


def nearest_rotation(matrices: FloatArray) -> FloatArray:
    """(..., 3, 3) rotations next to matrices (..., 3, 3), in the sense of least squares."""
    u, _, vt = np.linalg.svd(matrices)
    turn = np.linalg.det(u @ vt)
    u[..., :, 2] *= turn[..., None]
    return np.asarray(u @ vt)


@dataclass(frozen=True, eq=False, slots=True)
class Motions:
    """Rigid motions.

    Parameters
    ----------
    rotation
        (..., 3, 3).
    translation
        (..., 3) mm.
    """

    rotation: FloatArray
    translation: FloatArray

    @classmethod
    def none(cls, n: int) -> Self:
        """N motions that move nothing."""
        return cls(np.repeat(np.eye(3)[None], n, axis=0), np.zeros((n, 3)))

    def __len__(self) -> int:
        return len(self.rotation)

    def __getitem__(self, which: int | slice | npt.NDArray[np.generic]) -> Self:
        return type(self)(self.rotation[which], self.translation[which])

    def __matmul__(self, first: Self) -> Self:
        """Motion that does `first`, then this one."""
        moved = (self.rotation @ first.translation[..., None])[..., 0] + self.translation
        return type(self)(self.rotation @ first.rotation, moved)

    @property
    def inverse(self) -> Self:
        """Motions back."""
        back = np.swapaxes(self.rotation, -1, -2)
        return type(self)(back, -(back @ self.translation[..., None])[..., 0])

    def apply(self, points: FloatArray) -> FloatArray:
        """Move points (..., N, 3), mm."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        return np.asarray(turned + self.translation[..., None, :])

    def stepped(self, steps: FloatArray) -> Self:
        """Turn by the first three numbers of (..., 6), then shift by the others, mm."""
        return type(self)(exp(steps[..., :3]) @ self.rotation, self.translation + steps[..., 3:])


def stack(motions: list[Motions]) -> Motions:
    """Single motions as the rows of one."""
    return Motions(
        np.stack([each.rotation for each in motions]),
        np.stack([each.translation for each in motions]),
    )


def align(points: FloatArray, onto: FloatArray) -> Motions:
    """Motion that lays points (N, 3) onto others (N, 3), by least squares.

    Kabsch, A solution for the best rotation to relate two sets of vectors, Acta Crystallographica
    A32 (1976).

    Examples
    --------
    >>> corners = np.array([[0.0, 0, 0], [3, 0, 0], [0, 2, 0], [0, 0, 1]])
    >>> quarter = exp(np.array([0, 0, np.pi / 2]))
    >>> align(corners, corners @ quarter.T + [5, 6, 7]).apply(corners[1]).round(9).tolist()
    [[5.0, 9.0, 7.0]]
    """
    middle, there = points.mean(axis=0), onto.mean(axis=0)
    turn = nearest_rotation((onto - there).T @ (points - middle))
    return Motions(turn, there - turn @ middle)
