"""Corners over the images: rings where they were found, lines to where the calibration has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from napari.layers import Layer

from napari_sdannce.widgets.axes import to_napari
from napari_sdannce.widgets.drawn_marks import hide

if TYPE_CHECKING:
    from napari.layers import Points, Vectors

    from napari_sdannce.calibration.corners_file import CalibratedCorners

FloatArray = npt.NDArray[np.float64]

FACTORS = (1, 2, 5, 10, 20, 50, 100, 200)
"""How many times as long as they are errors may be drawn."""
_STOPS = np.array([0.0, 0.5, 2.0])
_COLORS = np.array([(0.35, 0.85, 0.6, 1), (0.98, 0.85, 0.3, 1), (1.0, 0.35, 0.3, 1)])
LEFT_OUT = np.array((1.0, 0.3, 1.0, 1.0))
_USUAL_SHARE = 0.03
"""Share of the image's width that the larger errors are drawn as long as."""
_UNIT = ("pixel", "pixel")


@dataclass(frozen=True, eq=False, slots=True)
class _OverCamera:
    view: int
    points: Points
    lines: Vectors

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (self.lines, self.points)


class CornerMarks:
    """Corners of all cameras, one moment at a time.

    Layers keep the same rows at every moment, and are changed in place.

    Parameters
    ----------
    corners
        Of a calibration.
    factor
        How many times as long as they are errors are drawn.
    """

    def __init__(self, corners: CalibratedCorners, factor: float) -> None:
        self.corners = corners
        self.factor = factor
        self._cameras: dict[str, _OverCamera] = {}
        keys = zip(corners.view.tolist(), corners.moment.tolist(), strict=True)
        self._rows = {key: row for row, key in enumerate(keys)}
        self._shown: int | None = None

    def add_camera(self, name: str, view: int, size: tuple[int, int]) -> tuple[Layer, ...]:
        """Make the layers over one camera, not yet in any viewer."""
        n = self.corners.corners.shape[1]
        lines = Layer.create(
            np.zeros((n, 2, 2)),
            {"name": f"{name} errors", "vector_style": "line", "edge_color": np.zeros((n, 4)),
             "axis_labels": ("y", "x"), "units": _UNIT},
            "vectors",
        )  # fmt: skip
        points = Layer.create(
            np.zeros((n, 2)),
            {"name": f"{name} corners", "face_color": np.zeros((n, 4)),
             "border_color": np.zeros((n, 4)), "border_width": 0.2,
             "border_width_is_relative": True, "axis_labels": ("y", "x"), "units": _UNIT},
            "points",
        )  # fmt: skip
        one = self._cameras[name] = _OverCamera(view, points, lines)
        for layer in one.layers:
            layer.editable = False
        return one.layers

    def layers_of(self, camera: str) -> tuple[Layer, ...]:
        """Layers over one camera, lowest first; none when it has none."""
        one = self._cameras.get(camera)
        return () if one is None else one.layers

    def forget_camera(self, name: str) -> None:
        """Draw over this camera no more."""
        self._cameras.pop(name, None)

    @property
    def layers(self) -> list[Layer]:
        """All layers, camera by camera."""
        return [layer for name in self._cameras for layer in self.layers_of(name)]

    def set_diameter(self, camera: str, diameter: float) -> None:
        """Set the diameter of rings, px of the image."""
        one = self._cameras[camera]
        one.points.size = 0.7 * diameter
        one.lines.edge_width = max(0.5, diameter / 6)

    def stretch(self, factor: float) -> None:
        """Draw errors so many times as long as they are."""
        self.factor = factor
        if self._shown is not None:
            self.refill(self._shown)

    def refill(self, moment: int) -> None:
        """Show a moment, by its number among the moments of the boards."""
        self._shown = moment
        for one in self._cameras.values():
            row = self._rows.get((one.view, int(self.corners.moments[moment])))
            self._fill(one, row)
            for layer in one.layers:
                layer.refresh(extent=False, thumbnail=False, highlight=False)

    def _fill(self, one: _OverCamera, row: int | None) -> None:
        """Corners of a sighting; None: the camera did not see the board."""
        if row is None:
            one.points.data[...] = 0
            one.lines.data[...] = 0
            clear = np.zeros_like(one.points.face_color)
            hide(one.points, np.ones(len(clear), dtype=bool), (clear, clear))
            one.lines.edge_color[...] = 0
            return
        corners, misses = self.corners.corners[row], self.corners.misses[row]
        out = self.corners.left_out[row]
        found = np.isfinite(corners).all(axis=-1)
        known = found & np.isfinite(misses).all(axis=-1)
        one.points.data[...] = np.where(found[:, None], to_napari(corners), 0)
        colors = error_colors(np.linalg.norm(misses, axis=-1))
        colors[out] = LEFT_OUT
        faces = colors * (1, 1, 1, 0)
        faces[out] = LEFT_OUT
        hide(one.points, ~found, (faces, colors))
        start = np.where(known[:, None], to_napari(corners), 0)
        # those that were left out are far off, and would reach across the image
        longer = np.where(out, 1.0, self.factor)[:, None]
        way = np.where(known[:, None], longer * to_napari(misses), 0)
        one.lines.data[...] = np.stack([start, way], axis=1)
        one.lines.edge_color[...] = np.where(known[:, None], colors, 0)


def error_colors(lengths: FloatArray) -> FloatArray:
    """(N, 4) colours of errors, px: green, yellow from half a pixel, red from two."""
    finite = np.nan_to_num(lengths, nan=0.0)
    return np.stack([np.interp(finite, _STOPS, channel) for channel in _COLORS.T], axis=-1)


def usual_factor(corners: CalibratedCorners, width: float) -> int:
    """By which larger errors are seen well, and do not reach across the image."""
    used = ~corners.left_out & np.isfinite(corners.misses).all(axis=-1)
    if not used.any():
        return 1
    large = float(np.percentile(np.linalg.norm(corners.misses[used], axis=-1), 90))
    wanted = _USUAL_SHARE * width / max(large, 1e-6)
    return min(FACTORS, key=lambda factor: abs(np.log(factor / wanted)))
