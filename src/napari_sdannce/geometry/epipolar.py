"""Where a pixel of one view can lie in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_sdannce.geometry.cameras import Camera

FloatArray = npt.NDArray[np.float64]

# of the distance between the cameras, when nothing bounds the ray
_NEAR, _FAR = 1e-3, 1e4
# tangent of the widest angle off the axis that is drawn when neither image nor lens ends before
_WIDEST = 10.0
_WIDEST_FISHEYE = 1e6


def epipolar_curve(
    source: Camera,
    pixel: npt.ArrayLike,
    target: Camera,
    *,
    depths: tuple[float, float] | None = None,
    box: npt.ArrayLike | None = None,
    samples: int = 100,
) -> FloatArray:
    """Project the line of sight of a pixel of one view into another, bent by both lenses.

    Parameters
    ----------
    source, pixel
        The view that was clicked, and the (2,) observed pixel.
    target
        The view to draw in.
    depths
        Distances from the source camera along the ray, mm, between which the point must lie.
    box
        (2, 3) lowest and highest corner of the part of the world where the point must lie, mm.
        Without depths and box the whole ray is taken.
    samples
        Points of the curve, evenly spaced (but for distortion) over its part about the image.

    Returns
    -------
    (samples, 2) pixels of the target; NaN outside its image (if the size is known), behind it and
    where its lens model ends; all NaN when the ray misses the box or no part of it is seen.

    Raises
    ------
    ValueError
        When pixel, depths, box or the number of samples make no sense.

    Examples
    --------
    >>> from napari_sdannce.geometry import Camera
    >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    >>> left = Camera("left", matrix, np.eye(3), np.array([10.0, 0, 0]))
    >>> right = Camera("right", matrix, np.eye(3), np.array([-10.0, 0, 0]))
    >>> epipolar_curve(left, [420, 240], right, depths=(100, 1000), samples=3).round(3).tolist()
    [[318.02, 240.0], [363.911, 240.0], [409.802, 240.0]]
    """
    if samples < 2:
        raise ValueError(f"a curve needs at least two samples, got {samples}")
    clicked = np.asarray(pixel, dtype=np.float64)
    if clicked.shape != (2,):
        raise ValueError(
            f"a curve belongs to one pixel x, y, got an array of shape {clicked.shape}"
        )
    direction = source.rays(clicked)
    limits = [_frustum(source.centre, direction, target)]
    if box is not None:
        limits.append(_box_limits(source.centre, direction, box))
    start, end = _clip(np.concatenate(limits), *_bounds(source, target, depths))
    if not start < end:
        return np.full((samples, 2), np.nan)
    return _sample(source.centre, direction, target, (start, end), samples)


def _bounds(
    source: Camera, target: Camera, depths: tuple[float, float] | None
) -> tuple[float, float]:
    """Part of the ray, mm from the source, before anything is clipped."""
    if depths is None:
        # two views from one place see a line as a point, at any scale
        baseline = float(np.linalg.norm(target.centre - source.centre)) or 1.0
        return _NEAR * baseline, _FAR * baseline
    if not 0 <= depths[0] < depths[1]:
        raise ValueError(f"depths must be two rising distances in mm, got {depths}")
    return depths


def _box_limits(origin: FloatArray, direction: FloatArray, box: npt.ArrayLike) -> FloatArray:
    """(6, 2) f, g with f + s g >= 0 where the ray lies inside the box."""
    corners = np.asarray(box, dtype=np.float64)
    if corners.shape != (2, 3) or not (corners[0] < corners[1]).all():
        raise ValueError(f"box must be (2, 3), lowest and highest corner, got {corners.tolist()}")
    above = np.stack([origin - corners[0], direction], axis=1)
    below = np.stack([corners[1] - origin, -direction], axis=1)
    return np.concatenate([above, below])


def _frustum(origin: FloatArray, direction: FloatArray, target: Camera) -> FloatArray:
    """(5, 2) f, g with f + s g >= 0 where the ray lies in front of the target, in its wide view."""
    ray = np.stack([target.to_camera_frame(origin), target.rotation @ direction], axis=1)
    low, high = _ideal_extent(target)
    x, y, z = ray
    return np.stack([x - low[0] * z, y - low[1] * z, high[0] * z - x, high[1] * z - y, z])


def _ideal_extent(camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Corners of a rectangle of ideal normalised coordinates that holds all of the image."""
    widest = np.full(2, min(camera.reach, _WIDEST_FISHEYE if camera.fisheye else _WIDEST))
    if camera.image_size is None:
        return -widest, widest
    along = np.linspace(0, 1, 17)
    edges = [np.stack([along, np.full(17, side)], axis=1) for side in (0.0, 1.0)]
    border = np.concatenate([*edges, *(edge[:, ::-1] for edge in edges)])
    rays = camera.rays(border * camera.image_size - 0.5) @ camera.rotation.T
    ideal = rays[:, :2] / rays[:, 2:]
    if np.isnan(ideal).any():  # the lens model ends inside the image
        return -widest, widest
    low, high = ideal.min(axis=0), ideal.max(axis=0)
    margin = 0.02 * (high - low)  # the border bulges between its samples
    return low - margin, high + margin


def _clip(limits: FloatArray, start: float, end: float) -> tuple[float, float]:
    """Part of start..end where every f + s g >= 0; empty when start >= end."""
    for f, g in limits:
        if g == 0:
            if f < 0:
                return end, start
        elif g > 0:
            start = max(start, -f / g)
        else:
            end = min(end, -f / g)
    return start, end


def _sample(
    origin: FloatArray,
    direction: FloatArray,
    target: Camera,
    ends: tuple[float, float],
    samples: int,
) -> FloatArray:
    """Project points of the ray that are evenly spaced in the ideal image of the target.

    In that of a fisheye it is the angles that are.
    """
    start, end = (target.to_camera_frame(origin + s * direction) for s in ends)
    fraction = np.linspace(0, 1, samples)
    if target.fisheye:
        angle = max(1e-9, float(np.arctan2(np.linalg.norm(np.cross(start, end)), start @ end)))
        near = np.sin((1 - fraction) * angle) * np.linalg.norm(end)
        far = np.sin(fraction * angle) * np.linalg.norm(start)
    else:
        near, far = (1 - fraction) * end[2], fraction * start[2]
    with np.errstate(invalid="ignore"):
        along = (near * ends[0] + far * ends[1]) / (near + far)
    curve = target.project(origin + along[:, None] * direction)
    if target.image_size is not None:
        curve[~target.sees(curve)] = np.nan
    return curve
