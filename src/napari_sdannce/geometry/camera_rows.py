"""Cameras as rows of numbers, for compiled functions and the ones that run on other devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera

CAMERA_WIDTH = 27
# where things lie in a row: rotation 0-8, translation 9-11, then
FX, SKEW, CX, FY, CY = 12, 13, 14, 15, 16
LENS = 17  # k1, k2, k3, p1, p2; of a fisheye k1, k2, k3, k4, 0
REACH = 22
CENTRE = 23
FISHEYE = 26  # radians up to which a fisheye's model is one-to-one; 0: no fisheye


def camera_rows(cameras: Sequence[Camera]) -> npt.NDArray[np.float64]:
    """(V, CAMERA_WIDTH) numbers of V cameras."""
    rows = np.empty((len(cameras), CAMERA_WIDTH))
    for row, camera in zip(rows, cameras, strict=True):
        row[:9], row[9:12] = camera.rotation.ravel(), camera.translation
        row[FX : FX + 3] = camera.matrix[0]
        row[FY : FY + 2] = camera.matrix[1, 1:]
        lens = (*camera.radial, 0) if camera.fisheye else (*camera.radial3, *camera.tangential)
        row[LENS : LENS + 5] = lens
        row[REACH] = camera.reach
        row[CENTRE : CENTRE + 3] = camera.centre
        row[FISHEYE] = camera.widest_angle if camera.fisheye else 0
    return rows
