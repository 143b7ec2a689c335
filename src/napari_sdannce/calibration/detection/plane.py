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
        seen = xy @ self.homography[:, :2].T + self.homography[:, 2]
        ideal = seen[..., :2] / np.where(seen[..., 2:] > 0, seen[..., 2:], np.nan)
        return self.centre + self.radius * _bent(ideal, self.bend)

    def is_mirrored(self, xy: FloatArray) -> bool:
        """Whether the plane is seen from behind at a point (2,), so that it appears mirrored."""
        step = 1e-3 * max(1.0, float(np.abs(xy).max()))
        here, right, down = self.project(xy + step * np.array([[0, 0], [1, 0], [0, 1]]))
        return bool(np.linalg.det(np.stack([right - here, down - here])) < 0)


def _bent(ideal: FloatArray, bend: float) -> FloatArray:
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
    plane = None
    for bends in (_BENDS, _FINE_BENDS) if len(xy) >= _LENS_POINTS else (np.zeros(1),):
        around = plane.bend if plane is not None else 0.0
        fits = [_fit(xy, seen, bend, (centre, radius)) for bend in (around + bends).tolist()]
        plane = min((fit for fit in fits if fit), key=lambda fit: fit[0], default=(0, plane))[1]
    return plane


def _fit(
    xy: FloatArray, seen: FloatArray, bend: float, lens: tuple[FloatArray, float]
) -> tuple[float, SeenPlane] | None:
    """Sum of squares, and the plane, with this lens."""
    matrix = homography(xy, seen / (1 + bend * (seen**2).sum(axis=-1, keepdims=True)))
    if matrix is None:
        return None
    plane = SeenPlane(matrix, bend, *lens)
    off = plane.project(xy) - (lens[0] + lens[1] * seen)
    return float(np.nan_to_num(off**2, nan=np.inf).sum()), plane


def homography(xy: FloatArray, seen: FloatArray) -> FloatArray | None:
    """(3, 3) from (N, 2) points of a plane to where they were seen, N at least four.

    By the normalised linear method: Hartley and Zisserman, Multiple View Geometry, 2nd edition,
    algorithm 4.2. None where the points do not tell it.
    """
    before, after = _normaliser(xy), _normaliser(seen)
    if before is None or after is None:
        return None
    x, y = (xy @ before[:2, :2].T + before[:2, 2]).T
    u, v = (seen @ after[:2, :2].T + after[:2, 2]).T
    one, none = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate(
        [
            np.stack([x, y, one, none, none, none, -u * x, -u * y, -u], axis=-1),
            np.stack([none, none, none, x, y, one, -v * x, -v * y, -v], axis=-1),
        ]
    )
    scale, basis = np.linalg.svd(rows.T @ rows)[1:]
    if scale[7] < 1e-14 * scale[0]:
        return None
    matrix = np.linalg.inv(after) @ basis[8].reshape(3, 3) @ before
    depth = xy @ matrix[2, :2] + matrix[2, 2]
    if depth.min() < 0 < depth.max():
        return None
    return np.asarray(matrix * np.sign(depth.sum()))


def _normaliser(points: FloatArray) -> FloatArray | None:
    middle = points.mean(axis=0)
    spread = float(np.sqrt(((points - middle) ** 2).sum(axis=-1).mean()))
    if not spread > 0:
        return None
    scale = np.sqrt(2) / spread
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])


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
