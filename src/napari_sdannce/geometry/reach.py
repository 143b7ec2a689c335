"""Which part of an image a cube in space can be seen in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sdannce.geometry.cameras import Camera

_MARGIN_PX = 4
_POINTS_ALONG_EDGE = 9


def cube_in_image(
    camera: Camera, centre: npt.NDArray[np.float64], reach: float, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Rectangle of an image that holds all that a cube can show.

    Parameters
    ----------
    camera
        Calibration.
    centre
        (3,) of the cube, mm.
    reach
        Half its edge length, mm.
    size
        Width and height of the image, px.

    Returns
    -------
    left, top, right, bottom
        In px, right and bottom outside; the whole image where a point of the cube does not project.
    """
    width, height = size
    steps = np.linspace(-reach, reach, _POINTS_ALONG_EDGE)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    pixels = camera.project(centre + cube)
    if not np.isfinite(pixels).all():
        return 0, 0, width, height
    low = np.floor(pixels.min(axis=0)).astype(int) - _MARGIN_PX
    high = np.ceil(pixels.max(axis=0)).astype(int) + _MARGIN_PX + 1
    left, top = low.clip(0, (width - 1, height - 1))
    right, bottom = np.maximum(high.clip(0, (width, height)), (left + 1, top + 1))
    return int(left), int(top), int(right), int(bottom)
