"""What the 3D view shows beside the animals: which way is up, camera frusta, a floor grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera

FloatArray = npt.NDArray[np.float64]

_WIDEST_FRUSTUM = np.radians(85)


def up_of(cameras: Sequence[Camera]) -> FloatArray:
    """(3,) unit vector that points up in the world, as the cameras were mounted.

    Cameras stand upright or look down, so the sum of "up in the image" and "away from what is
    looked at" points up. A world axis within 30 degrees of it is taken instead.
    """
    image_up = np.mean([-camera.rotation[1] for camera in cameras], axis=0)
    backwards = np.mean([-camera.rotation[2] for camera in cameras], axis=0)
    up = image_up + backwards
    up = up / np.linalg.norm(up) if np.linalg.norm(up) > 1e-6 else np.array([0.0, 0.0, 1.0])
    nearest = int(np.abs(up).argmax())
    if abs(up[nearest]) > np.cos(np.radians(30)):
        axis = np.zeros(3)
        axis[nearest] = np.sign(up[nearest])
        return axis
    return up


def looked_at(cameras: Sequence[Camera]) -> FloatArray:
    """(3,) mm: the point nearest to all optical axes; ahead of the camera when there is one."""
    if len(cameras) == 1:
        return cameras[0].centre + 500 * cameras[0].rotation[2]
    normal, right = np.zeros((3, 3)), np.zeros(3)
    for camera in cameras:
        across = np.eye(3) - np.outer(camera.rotation[2], camera.rotation[2])
        normal += across
        right += across @ camera.centre
    # parallel axes meet nowhere: a little of the cameras' mean keeps it solvable
    mean = np.mean([camera.centre for camera in cameras], axis=0)
    return np.linalg.solve(normal + 1e-6 * np.eye(3), right + 1e-6 * mean)


def frustum(camera: Camera, depth: float) -> FloatArray:
    """(8, 2, 3) mm, start and end of the edges of what a camera sees up to `depth` mm."""
    width, height = camera.image_size or tuple(2 * camera.matrix[:2, 2])
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    flat = np.concatenate([camera.to_normalised(corners), np.ones((4, 1))], axis=1) * depth
    if camera.fisheye:
        flat = _fisheye_corners(camera, corners) * depth
    far = (flat - camera.translation) @ camera.rotation
    near = np.tile(camera.centre, (4, 1))
    return np.concatenate([np.stack([near, far], 1), np.stack([far, np.roll(far, -1, 0)], 1)])


def _fisheye_corners(camera: Camera, corners: FloatArray) -> FloatArray:
    """(n, 3) unit vectors in the camera's frame towards corners (n, 2) px.

    What lies past the end of the lens is put where it ends, at most 85 degrees off the axis.
    """
    bent = camera.to_normalised(corners)
    away = np.linalg.norm(bent, axis=1)
    ideal = camera.to_normalised(camera.undistort(corners))
    angle = np.arctan(np.linalg.norm(ideal, axis=1))
    widest = min(camera.widest_angle, _WIDEST_FRUSTUM)
    angle = np.where(np.isfinite(angle), angle, widest).clip(max=widest)
    aside = np.sin(angle) / np.maximum(away, 1e-12)
    return np.concatenate([bent * aside[:, None], np.cos(angle)[:, None]], axis=1)


def floor_grid(middle: FloatArray, up: FloatArray, radius: float, n: int = 10) -> FloatArray:
    """(2 (n + 1), 2, 3) mm, start and end of lines of a square grid round `middle`, across `up`."""
    side = np.eye(3)[int(np.abs(up).argmin())]
    first = np.cross(up, side)
    first /= np.linalg.norm(first)
    second = np.cross(up, first)
    steps = np.linspace(-radius, radius, n + 1)[:, None]
    lines = []
    for along, across in ((first, second), (second, first)):
        start = middle + steps * across - radius * along
        lines.append(np.stack([start, start + 2 * radius * along], axis=1))
    return np.concatenate(lines)


def floor_height(points: FloatArray, up: FloatArray) -> float | None:
    """Height, mm along `up`, of the lowest points (N, 3); None when there are none."""
    heights = points[np.isfinite(points).all(axis=-1)] @ up
    return float(np.percentile(heights, 1)) if len(heights) else None


def round_length(length: float) -> float:
    """A round number of mm near `length`: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(length, 1e-3)))
    return float(power * min((1, 2, 5, 10), key=lambda m: abs(m * power - length)))
