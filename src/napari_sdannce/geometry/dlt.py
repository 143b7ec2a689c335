"""Linear triangulation (DLT): over all views at once, and over every pair of views.

The direct linear transform stacks, for each view that sees a point at ideal pixel (u, v), the rows
``u m3 - m1`` and ``v m3 - m2`` of its (3, 4) pinhole matrix m and takes the smallest right singular
vector (Hartley & Zisserman, Multiple View Geometry, 12.2). It minimises no distance one could name,
but it needs no start, and the median over pairs of it is what DANNCE uses. For the best answer see
`triangulate`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera

FloatArray = npt.NDArray[np.float64]

_POINTS_AT_ONCE = 1 << 16


def triangulate_dlt(cameras: Sequence[Camera], pixels: npt.ArrayLike) -> FloatArray:
    """Triangulate with one linear system over all views that see a point.

    Parameters
    ----------
    cameras
        V cameras.
    pixels
        (V, ..., 2) observed (distorted) pixels, NaN where a view does not see the point.

    Returns
    -------
    (..., 3) points in mm, NaN where fewer than two views see it.

    Examples
    --------
    >>> from napari_sdannce.geometry import Camera
    >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    >>> left = Camera("left", matrix, np.eye(3), np.array([10.0, 0, 0]))
    >>> right = Camera("right", matrix, np.eye(3), np.array([-10.0, 0, 0]))
    >>> pixels = [camera.project([1.0, 2.0, 100.0]) for camera in (left, right)]
    >>> triangulate_dlt((left, right), pixels).round(6).tolist()
    [1.0, 2.0, 100.0]
    """
    ideal = undistort_views(cameras, pixels)
    return intersect_all(pinhole_matrices(cameras), ideal)


def triangulate_pair_median(cameras: Sequence[Camera], pixels: npt.ArrayLike) -> FloatArray:
    """Triangulate every pair of views linearly and take the median of each coordinate.

    As the reference does, but for the undistortion, which is exact here.

    Parameters
    ----------
    cameras
        V cameras.
    pixels
        (V, ..., 2) observed (distorted) pixels, NaN where a view does not see the point.

    Returns
    -------
    (..., 3) points in mm, NaN where fewer than two views see it.

    Examples
    --------
    >>> from napari_sdannce.geometry import Camera
    >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    >>> row = [Camera(str(x), matrix, np.eye(3), np.array([x, 0.0, 0])) for x in (-9, 0, 9)]
    >>> pixels = [camera.project([1.0, 2.0, 100.0]) for camera in row]
    >>> triangulate_pair_median(row, pixels).round(6).tolist()
    [1.0, 2.0, 100.0]
    """
    ideal = undistort_views(cameras, pixels)
    return nan_median(intersect_pairs(pinhole_matrices(cameras), ideal))


def undistort_views(cameras: Sequence[Camera], pixels: npt.ArrayLike) -> FloatArray:
    """Undistort pixels (V, ..., 2) of V cameras to their ideal pinhole pixels (V, ..., 2)."""
    views = check_views(cameras, pixels)
    undistorted = [camera.undistort(seen) for camera, seen in zip(cameras, views, strict=True)]
    return np.stack(undistorted)


def check_views(cameras: Sequence[Camera], pixels: npt.ArrayLike) -> FloatArray:
    """Return `pixels` as an array (V, ..., 2), or say how it does not fit the cameras."""
    views = np.asarray(pixels, dtype=np.float64)
    if not len(cameras):
        raise ValueError("triangulation needs cameras, got none")
    if views.ndim < 2 or views.shape[0] != len(cameras) or views.shape[-1] != 2:
        raise ValueError(
            f"pixels have shape {views.shape}, expected ({len(cameras)}, ..., 2) for "
            f"{len(cameras)} cameras"
        )
    return views


def pinhole_matrices(cameras: Sequence[Camera]) -> FloatArray:
    """(V, 3, 4) pinhole matrices of V cameras."""
    return np.stack([camera.projection_matrix for camera in cameras])


def intersect_all(matrices: FloatArray, ideal: FloatArray) -> FloatArray:
    """Linear point of all views.

    Parameters
    ----------
    matrices
        (V, 3, 4) pinhole matrices.
    ideal
        (V, ..., 2) undistorted pixels, NaN = not seen.

    Returns
    -------
    (..., 3) mm; NaN where fewer than two views see the point.
    """
    flat = ideal.reshape(len(matrices), -1, 2)
    points = np.empty((flat.shape[1], 3))
    for start in range(0, len(points), _POINTS_AT_ONCE):
        chunk = slice(start, start + _POINTS_AT_ONCE)
        points[chunk] = _intersect(matrices, flat[:, chunk])
    return points.reshape(*ideal.shape[1:-1], 3)


def _intersect(matrices: FloatArray, ideal: FloatArray) -> FloatArray:
    """`intersect_all` for (V, N, 2)."""
    rows = ideal[..., None] * matrices[:, None, 2:] - matrices[:, None, :2]  # (V, N, 2, 4)
    seen = np.isfinite(ideal).all(axis=-1)
    rows[~seen] = 0.0  # an empty row does not move the singular vectors
    system = np.moveaxis(rows, 0, 1).reshape(ideal.shape[1], -1, 4)
    homogeneous = np.linalg.svd(system)[2][:, 3]
    enough = seen.sum(axis=0) >= 2
    with np.errstate(divide="ignore", invalid="ignore"):  # parallel rays meet at infinity
        points = homogeneous[:, :3] / homogeneous[:, 3:]
    points[~enough | ~np.isfinite(points).all(axis=1)] = np.nan
    return np.asarray(points)


def intersect_pairs(matrices: FloatArray, ideal: FloatArray) -> FloatArray:
    """Linear point of every pair of views, pairs in the order of `itertools.combinations`.

    Parameters
    ----------
    matrices
        (V, 3, 4) pinhole matrices.
    ideal
        (V, ..., 2) undistorted pixels, NaN = not seen.

    Returns
    -------
    (V (V - 1) / 2, ..., 3) mm; NaN where one of the two does not see the point.
    """
    pairs = [list(pair) for pair in combinations(range(len(matrices)), 2)]
    if not pairs:
        return np.empty((0, *ideal.shape[1:-1], 3))
    return np.stack([intersect_all(matrices[pair], ideal[pair]) for pair in pairs])


def nan_median(values: FloatArray) -> FloatArray:
    """Median over the first axis of the values that are not NaN; NaN where all are."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.isfinite(ordered).sum(axis=0, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=0)
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(ordered) - 1), axis=0)
    return np.asarray(0.5 * (low + high)[0])
