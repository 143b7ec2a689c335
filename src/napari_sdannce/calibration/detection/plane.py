"""A plane seen by a camera: where its points must lie, given that some were found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_BENDS = np.linspace(-0.8, 0.4, 13)
"""Lenses tried: from a fisheye to a pincushion; 0 is none."""
_FINE_BENDS = np.linspace(-0.08, 0.08, 9)
_FLAT = 1e-6
"""Of points on a line: how far they reach beside it, as a share of how far along it."""
_LENS_POINTS = 12
"""With fewer, a lens is not told from a tilt."""


@dataclass(frozen=True, eq=False)
class SeenPlane:
    """Homography of a plane, followed by a lens of one number (division model).

    Parameters
    ----------
    homography
        (3, 3) from the plane, mm, to ideal pixels relative to `centre`, in units of `radius`.
    bend
        Ideal = distorted / (1 + bend * r^2), see Fitzgibbon 2001, doi:10.1109/CVPR.2001.990465.
    centre
        (2,) middle of the image, px.
    radius
        Half of the image's diagonal, px.
    """

    homography: FloatArray
    bend: float
    centre: FloatArray
    radius: float

    def project(self, xy: FloatArray) -> FloatArray:
        """Pixels (..., 2) of points (..., 2) of the plane, mm; NaN behind the camera."""
        ideal = _ideal(self.homography, xy)
        return self.centre + self.radius * _bent(ideal, self.bend)

    def is_mirrored(self, xy: FloatArray) -> bool:
        """Whether the plane is seen from behind at a point (2,), so that it appears mirrored."""
        step = 1e-3 * max(1.0, float(np.abs(xy).max()))
        here, right, down = self.project(xy + step * np.array([[0, 0], [1, 0], [0, 1]]))
        return bool(np.linalg.det(np.stack([right - here, down - here])) < 0)


def _ideal(homography: FloatArray, xy: FloatArray) -> FloatArray:
    """Where homographies (..., 3, 3) put points (..., N, 2); NaN behind the camera."""
    turn, shift = np.swapaxes(homography[..., :2], -1, -2), homography[..., None, :, 2]
    seen = xy @ turn + shift
    return np.asarray(seen[..., :2] / np.where(seen[..., 2:] > 0, seen[..., 2:], np.nan))


def _bent(ideal: FloatArray, bend: float | FloatArray) -> FloatArray:
    """Distorted from ideal: the root of r_ideal (1 + bend r^2) = r that goes through zero."""
    square = 4 * bend * (ideal**2).sum(axis=-1, keepdims=True)
    inside = np.where(square <= 1, 1 - square, np.nan)
    return np.asarray(ideal * 2 / (1 + np.sqrt(inside)))


def fit_plane(xy: FloatArray, pixels: FloatArray, size: tuple[int, int]) -> SeenPlane | None:
    """Fit the view of a plane to points of it, none of them wrong.

    Parameters
    ----------
    xy
        (N, 2) points of the plane, mm.
    pixels
        (N, 2) where they were seen.
    size
        (width, height) of the image, px.

    Returns
    -------
    None where the points do not determine it: fewer than four, or all but one on a line.
    """
    if len(xy) < 4:
        return None
    centre = (np.array(size) - 1) / 2
    radius = float(np.hypot(*size)) / 2
    seen = (pixels - centre) / radius
    bend, matrix = 0.0, None
    for bends in (_BENDS, _FINE_BENDS) if len(xy) >= _LENS_POINTS else (np.zeros(1),):
        tried = (bend + bends)[:, None, None]
        matrices = homographies(xy, seen / (1 + tried * (seen**2).sum(axis=-1, keepdims=True)))
        off = _bent(_ideal(matrices, xy), tried) - seen
        misfit = np.nan_to_num((off**2).sum(axis=(1, 2)), nan=np.inf)
        best = int(np.argmin(misfit))
        if np.isfinite(misfit[best]):
            bend, matrix = bend + float(bends[best]), matrices[best]
    return None if matrix is None else SeenPlane(matrix, bend, centre, radius)


def homography(xy: FloatArray, seen: FloatArray) -> FloatArray | None:
    """(3, 3) from (N, 2) points of a plane to where they were seen; None where they do not tell."""
    matrix = homographies(xy, seen[None])[0]
    return matrix if np.isfinite(matrix).all() else None


def homographies(xy: FloatArray, seen: FloatArray) -> FloatArray:
    """(B, 3, 3) from (N, 2) points of a plane to where each of B saw them, N at least four.

    By the normalised linear method: Hartley and Zisserman, Multiple View Geometry, 2nd edition,
    algorithm 4.2. NaN where the points do not tell it.

    Parameters
    ----------
    xy
        (N, 2).
    seen
        (B, N, 2).
    """
    before, after = _normaliser(xy), _normaliser(seen)
    x, y, one = np.moveaxis(_moved(before, xy)[None], -1, 0)
    u, v, _ = np.moveaxis(_moved(after, seen), -1, 0)
    x, y, one = (np.broadcast_to(each, u.shape) for each in (x, y, one))
    rows = np.zeros((*u.shape, 2, 9))
    for row, (spot, begin) in enumerate(((u, 0), (v, 3))):
        for i, place in enumerate((x, y, one)):
            rows[..., row, begin + i] = place
            rows[..., row, 6 + i] = -spot * place
    flat = rows.reshape(len(seen), -1, 9)
    known = np.asarray(np.isfinite(flat).all(axis=(1, 2)))
    normal = np.where(known[:, None, None], np.swapaxes(flat, 1, 2) @ flat, np.eye(9))
    scale, basis = np.linalg.svd(normal)[1:]
    known &= scale[:, 7] >= 1e-14 * scale[:, 0]
    matrices = np.linalg.inv(after[known]) @ basis[known, 8].reshape(-1, 3, 3) @ before
    depth = xy @ matrices[:, 2, :2].T + matrices[:, 2, 2]
    one_side = ~((depth.min(axis=0) < 0) & (depth.max(axis=0) > 0))
    sides = np.where(one_side, np.sign(depth.sum(axis=0)), np.nan)
    found = np.full((len(seen), 3, 3), np.nan)
    found[known] = matrices * sides[:, None, None]
    return found


def _moved(normaliser: FloatArray, points: FloatArray) -> FloatArray:
    """(..., N, 3) points (..., N, 2) moved and scaled, and 1."""
    lifted = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
    return np.asarray(lifted @ np.swapaxes(normaliser, -1, -2))


def _normaliser(points: FloatArray) -> FloatArray:
    """(..., 3, 3) that moves points (..., N, 2) to the origin, and scales them; NaN of one spot."""
    middle = points.mean(axis=-2)
    spread = np.sqrt(((points - middle[..., None, :]) ** 2).sum(axis=-1).mean(axis=-1))
    scale = np.sqrt(2) / np.where(spread > 0, spread, np.nan)
    found = np.zeros((*spread.shape, 3, 3))
    found[..., 0, 0] = found[..., 1, 1] = scale
    found[..., :2, 2] = -scale[..., None] * middle
    found[..., 2, 2] = 1
    return found


def on_a_line(xy: FloatArray) -> bool:
    """Whether points (N, 2) of a grid all lie on one line."""
    if len(xy) < 3:
        return True
    x, y = (xy - xy.mean(axis=0)).T
    along = float(x @ x + y @ y)
    # the determinant of a covariance is that of squares along the line, times those beside it
    return bool((x @ x) * (y @ y) - (x @ y) ** 2 <= _FLAT**2 * max(along, 1e-24) ** 2)


def fits_plane(
    xy: FloatArray, pixels: FloatArray, size: tuple[int, int], tolerance: FloatArray
) -> tuple[BoolArray, SeenPlane | None]:
    """Tell which points agree with one plane.

    The worst is left out, again and again, until all that are left agree.

    Parameters
    ----------
    xy
        (N, 2) points of the plane, mm.
    pixels
        (N, 2) where they were seen.
    size
        (width, height) of the image, px.
    tolerance
        (N,) how far a point may be from where the others say, px.

    Returns
    -------
    (N,) which do, and the plane that they make, None where they make none.
    """
    good = np.asarray(np.isfinite(pixels).all(axis=-1))
    for _ in range(len(xy)):
        plane = fit_plane(xy[good], pixels[good], size)
        if plane is None:
            return np.zeros_like(good), None
        off = np.linalg.norm(plane.project(xy) - pixels, axis=-1) / tolerance
        off = np.where(good, np.nan_to_num(off, nan=np.inf), 0)
        if off.max() <= 1:
            return good, plane
        # far ones together, so that a wild one costs one round; near ones one by one
        good = np.asarray(good & (off < max(0.5 * float(off.max()), 1.0)))
    return np.zeros_like(good), None
