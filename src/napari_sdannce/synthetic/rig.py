"""Cameras on a ring round an arena."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]

FLOOR_SHARE = 0.375
"""Radius of the floor that every camera sees, as a share of the radius of the ring."""

_MARGIN = 0.03
_FOCAL_STEPS = 40


def camera_ring(
    n: int,
    *,
    image_size: tuple[int, int] = (640, 512),
    radius_mm: float = 800.0,
    height_mm: float = 600.0,
    distortion: float = 1.0,
    seed: int = 0,
) -> tuple[Camera, ...]:
    """Place cameras on a ring, looking down at the middle of the floor (the plane z = 0).

    Places, aims, rolls, lenses and principal points differ a little from camera to camera, as on a
    real rig. The focal length of each is the longest with which the floor, a disc of radius
    ``FLOOR_SHARE * radius_mm``, lies wholly inside the image.

    Parameters
    ----------
    n
        Number of cameras, named ``Camera1`` ... .
    image_size
        (width, height) px.
    radius_mm, height_mm
        Radius of the ring and its height above the floor.
    distortion
        Strength of the lens distortion: 1 a usual wide lens (k1 about -0.27), 0 none.
    seed
        Same seed, same cameras.

    Raises
    ------
    ValueError
        When a number is out of range.

    Examples
    --------
    >>> cameras = camera_ring(6)
    >>> [camera.name for camera in cameras][:2]
    ['Camera1', 'Camera2']
    >>> bool(cameras[0].sees(cameras[0].project([0.0, 300.0, 0.0])))
    True
    """
    if n < 1:
        raise ValueError(f"a camera ring needs at least one camera, got {n}")
    if min(radius_mm, height_mm) <= 0 or not 0 <= distortion <= 1:
        raise ValueError(
            f"a camera ring needs positive radius and height and a distortion of 0 to 1, got "
            f"{radius_mm}, {height_mm} and {distortion}"
        )
    rng = np.random.default_rng([seed, n])
    return tuple(
        _camera(f"Camera{i + 1}", 2 * np.pi * i / n, (radius_mm, height_mm), image_size,
                distortion, rng)
        for i in range(n)
    )  # fmt: skip


def _camera(
    name: str,
    azimuth: float,
    place_mm: tuple[float, float],
    image_size: tuple[int, int],
    distortion: float,
    rng: np.random.Generator,
) -> Camera:
    radius, height = place_mm
    azimuth += rng.uniform(-0.06, 0.06)
    reach = radius * rng.uniform(0.96, 1.04)
    centre = np.array(
        [reach * np.cos(azimuth), reach * np.sin(azimuth), height * rng.uniform(0.94, 1.06)]
    )
    aim = radius * np.array([*rng.uniform(-0.012, 0.012, 2), rng.uniform(0.0, 0.02)])
    rotation = look_at(centre, aim, roll=rng.uniform(-0.03, 0.03))
    width, tall = image_size
    middle = np.array([(width - 1) / 2, (tall - 1) / 2]) + rng.uniform(-0.012, 0.012, 2) * width
    camera = Camera(
        name,
        np.array([[1.0, 0, middle[0]], [0, 1.0, middle[1]], [0, 0, 1]]),
        rotation,
        -rotation @ centre,
        distortion * np.array([rng.uniform(-0.30, -0.24), rng.uniform(0.07, 0.11)]),
        distortion * rng.uniform(-8e-4, 8e-4, 2),
        image_size,
    )
    return _longest_focal(camera, FLOOR_SHARE * radius, aspect=rng.uniform(0.997, 1.003))


def look_at(centre: FloatArray, target: FloatArray, *, roll: float = 0.0) -> FloatArray:
    """Rotation (3, 3) from world to a camera at `centre` that looks at `target`, world z up.

    `roll` (radians) turns the camera round its own axis.
    """
    ahead = target - centre
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(ahead, right)
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([c * right + s * down, c * down - s * right, ahead])


def _longest_focal(camera: Camera, floor_radius: float, *, aspect: float) -> Camera:
    around = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    edge = floor_radius * np.stack([np.cos(around), np.sin(around), 0 * around], axis=-1)
    # bisection; the floor grows with the focal length
    low, high = 10.0, 20.0 * max(camera.image_size or (1,))
    for _ in range(_FOCAL_STEPS):
        middle = (low + high) / 2
        if _inside(_with_focal(camera, middle, aspect), edge):
            low = middle
        else:
            high = middle
    return _with_focal(camera, low, aspect)


def _with_focal(camera: Camera, focal: float, aspect: float) -> Camera:
    matrix = camera.matrix.copy()
    matrix[0, 0], matrix[1, 1] = focal, focal * aspect
    return replace(camera, matrix=matrix)


def _inside(camera: Camera, points: FloatArray) -> bool:
    assert camera.image_size is not None
    size = np.array(camera.image_size)
    pixels = camera.project(points)
    rim = _MARGIN * size.min()
    return bool(((pixels >= rim) & (pixels <= size - 1 - rim)).all())
