"""Whether the labels of a ``*_dannce.mat`` fit its cameras, and how these have to be read.

No file says whether its matrices are transposed, nor where its first pixel lies. Its labels tell:
the 3D ones must project onto the 2D ones. Those of Label3D's export are projections themselves, so
they show how K and r are meant, but not where the first pixel of the images lies; what a person
clicked (``handLabeled2D``) shows whether clicks and cameras count pixels from the same one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate
from napari_sdannce.recording import PixelOrigin

from .dannce_mat import dannce_file
from .mat import read_mat
from .mat_fields import floats, is_empty

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera

    from .dannce_mat import DannceFile

FloatArray = npt.NDArray[np.float64]

_FEWEST_POINTS = 4
_FEWEST_CLICKS = 20
_FITS_PX = 5.0
"""Median distance up to which 2D labels are those of the 3D ones, whoever placed them."""
_CLEARLY = 5.0
_EXACT_PX = 0.05
_NEEDED = ("params", "camnames", "imageSize", "labelData", "handLabeled2D")
_STEPS = (-1.0, 0.0, 1.0)
_SURE_PX = 0.15


@dataclass(frozen=True, slots=True)
class CameraFit:
    """How a camera projects the 3D labels onto its 2D labels.

    Parameters
    ----------
    name
        The camera.
    error
        Median distance, px, as the file is read: K transposed or not, and r alike.
    other
        The same with r turned the other way round.
    shift
        (x, y) px by which the 2D labels lie beside the projections, all by the same; None where
        they differ.
    """

    name: str
    error: float
    other: float
    shift: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class ClickShift:
    """By how much principal points would have to move for clicks to agree best, in x and y alike.

    Parameters
    ----------
    pixels
        The move; 0: clicks and cameras count pixels alike (``pixel_origin`` matlab or zero); 1: the
        cameras count from 0, the clicks from 1 (reference).
    sigma
        Its uncertainty, px.
    """

    pixels: float
    sigma: float

    @property
    def pixel_origins(self) -> tuple[PixelOrigin, ...]:
        """What `pixel_origin` can be by the clicks; empty when they do not tell."""
        if not self.sigma < _SURE_PX:
            return ()
        near = max(3 * self.sigma, 0.3)
        if abs(self.pixels) < near:
            return PixelOrigin.MATLAB, PixelOrigin.ZERO
        return (PixelOrigin.REFERENCE,) if abs(self.pixels - 1) < near else ()


@dataclass(frozen=True, slots=True)
class ReprojectionCheck:
    """What the labels of a file say about its cameras.

    Parameters
    ----------
    fits
        Of the cameras with labels enough; empty when the file has none.
    clicks
        Where people clicked often enough, None else.
    """

    fits: tuple[CameraFit, ...] = ()
    clicks: ClickShift | None = None

    def notes(self, pixel_origin: PixelOrigin) -> tuple[str, ...]:
        """In what the file contradicts itself, or `pixel_origin`; empty when it does not."""
        return tuple(filter(None, (*self._fit_notes(), self._click_note(pixel_origin))))

    def _fit_notes(self) -> list[str]:
        turned = [
            each
            for each in self.fits
            if each.error > _FITS_PX > each.other and each.error > _CLEARLY * each.other
        ]
        unlike = [each for each in self.fits if min(each.error, each.other) > _FITS_PX]
        found = []
        if turned:
            found.append(
                f"'r' of {_names(turned)} is the other way round than 'K': only so the 3D labels "
                f"project onto the 2D labels ({_most(turned, 'other')} px, read as it stands "
                f"{_most(turned, 'error')} px)"
            )
        if unlike:
            found.append(
                f"the 2D labels of {_names(unlike)} are not those of the 3D labels, however 'K' "
                f"and 'r' are read: the projections lie {_most(unlike, 'error')} px away"
            )
        moved = [each for each in self.fits if each.shift and max(map(abs, each.shift)) > 0.5]
        if moved:
            x, y = moved[0].shift or (0.0, 0.0)
            found.append(
                f"the 2D labels of {_names(moved)} are the projections moved by ({x:.2f}, {y:.2f}) "
                "px: labels and cameras count pixels from another one"
            )
        return found

    def _click_note(self, pixel_origin: PixelOrigin) -> str | None:
        possible = self.clicks.pixel_origins if self.clicks else ()
        if not self.clicks or not possible or pixel_origin in possible:
            return None
        names = " or ".join(f"'{each}'" for each in possible)
        return (
            f"where people clicked speaks for pixel_origin {names}, not '{pixel_origin}': "
            f"clicks agree best with principal points moved by {self.clicks.pixels:.2f} +- "
            f"{self.clicks.sigma:.2f} px"
        )


def _names(fits: Sequence[CameraFit]) -> str:
    return ", ".join(each.name for each in fits)


def _most(fits: Sequence[CameraFit], what: str) -> str:
    return f"{max(each.error if what == 'error' else each.other for each in fits):.3g}"


def read_check(path: str | os.PathLike[str]) -> ReprojectionCheck:
    """Check a label file; of a Label3D state, which keeps no projections, nothing is told.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When there is no such file, or it is damaged.
    """
    found = read_mat(path, only=_NEEDED)
    return (
        check_reprojection(dannce_file(found)) if "params" in found.names else ReprojectionCheck()
    )


def check_reprojection(file: DannceFile) -> ReprojectionCheck:
    """Project the 3D labels of a file, and triangulate its clicks, with the cameras as they stand.

    Raises
    ------
    FileFormatError
        When its cameras or labels are damaged.
    """
    cameras = file.cameras(PixelOrigin.ZERO)
    table = file.label_table()
    n_points = table.data_3d.shape[1] // 3
    fits: tuple[CameraFit, ...] = ()
    if n_points and table.data_2d.shape[2] == 2 * n_points == 2 * (table.data_3d.shape[1] / 3):
        points = table.data_3d.reshape(-1, 3)
        fits = tuple(
            fit
            for camera, seen in zip(cameras, table.data_2d, strict=True)
            if (fit := _fit(camera, points, seen.reshape(-1, 2))) is not None
        )
    return ReprojectionCheck(fits, _click_shift(file, cameras))


def _fit(camera: Camera, points: FloatArray, seen: FloatArray) -> CameraFit | None:
    known = np.isfinite(points).all(axis=1) & np.isfinite(seen).all(axis=1)
    if known.sum() < _FEWEST_POINTS:
        return None
    other = replace(camera, rotation=camera.rotation.T)
    off = seen[known] - camera.project(points[known])
    error, turned = _median(off), _median(seen[known] - other.project(points[known]))
    middle = np.nanmedian(off, axis=0) if np.isfinite(error) else np.full(2, np.nan)
    exact = np.isfinite(error) and _median(off - middle) < _EXACT_PX
    shift = (float(middle[0]), float(middle[1])) if exact else None
    return CameraFit(camera.name, error, turned, shift)


def _median(off: FloatArray) -> float:
    """Median length (N, 2); infinite where most have none: points behind the camera."""
    lengths = np.linalg.norm(off, axis=1)
    return float(np.median(np.where(np.isfinite(lengths), lengths, np.inf)))


def _click_shift(file: DannceFile, cameras: tuple[Camera, ...]) -> ClickShift | None:
    """Least squares over the move of all principal points, with the points free."""
    value = file.variables.get("handLabeled2D")
    if value is None or is_empty(value) or len(cameras) < 3:
        return None
    clicks = floats(value, "handLabeled2D")
    if clicks.ndim not in (3, 4) or clicks.shape[1:3] != (len(cameras), 2):
        return None
    seen = np.moveaxis(clicks.reshape(*clicks.shape[:3], -1), (1, 2), (0, 3))  # (V, K, F, 2)
    seen = seen.reshape(len(cameras), -1, 2)
    often = np.isfinite(seen).all(axis=-1).sum(axis=0) >= 3  # two views alone never disagree enough
    if often.sum() < _FEWEST_CLICKS:
        return None
    found = [triangulate(_moved(cameras, step), seen[:, often]) for step in _STEPS]
    used = np.all([each.accepted for each in found], axis=0)
    before, middle, after = (float((each.residuals[used] ** 2).sum()) for each in found)
    curvature = (before + after) / 2 - middle
    freedom = 2 * used.sum() - 3 * used.any(axis=0).sum() - 1
    if not curvature > 0 or freedom < 1:
        return None
    best = (before - after) / (4 * curvature)
    least = max(middle - curvature * best**2, 0.0)
    return ClickShift(best, float(np.sqrt(least / freedom / curvature)))


def _moved(cameras: Sequence[Camera], step: float) -> tuple[Camera, ...]:
    move = np.array([[0, 0, step], [0, 0, step], [0, 0, 0]])
    return tuple(replace(camera, matrix=camera.matrix + move) for camera in cameras)
