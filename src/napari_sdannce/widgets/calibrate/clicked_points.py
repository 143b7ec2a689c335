"""Points that were measured in the world and clicked in the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psygnal import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]


class ClickedPoints:
    """A list of points, each with its place in the world and in the images.

    Parameters
    ----------
    cameras
        Names of V cameras.
    """

    changed = Signal()

    def __init__(self, cameras: Sequence[str]) -> None:
        self.cameras = tuple(cameras)
        self.labels: list[str] = []
        self.points = np.zeros((0, 3))
        """(N, 3) where they were measured, mm; NaN where that is not known yet."""
        self.pixels = np.zeros((len(self.cameras), 0, 2))
        """(V, N, 2) px where they were clicked, NaN where not."""
        self.current = 0
        """The point that a click places."""

    def __len__(self) -> int:
        return len(self.labels)

    def fill(self, labels: Sequence[str], pixels: FloatArray, points: FloatArray) -> None:
        """Take others in place of these."""
        self.labels, self.pixels, self.points = list(labels), pixels.copy(), points.copy()
        self.current = 0
        self.changed()

    def add(self) -> None:
        """Add a point, at the origin if it is the first, and let it be the current one."""
        number = next(n for n in range(1, len(self) + 2) if f"post {n}" not in self.labels)
        place = np.full((1, 3), np.nan) if self.labels else np.zeros((1, 3))
        self.labels.append(f"post {number}")
        self.points = np.concatenate([self.points, place])
        missing = np.full((len(self.cameras), 1, 2), np.nan)
        self.pixels = np.concatenate([self.pixels, missing], axis=1)
        self.current = len(self) - 1
        self.changed()

    def remove(self) -> None:
        """Take the current point away."""
        if not self.labels:
            return
        del self.labels[self.current]
        self.points = np.delete(self.points, self.current, axis=0)
        self.pixels = np.delete(self.pixels, self.current, axis=1)
        self.current = max(0, min(self.current, len(self) - 1))
        self.changed()

    def rename(self, row: int, label: str) -> None:
        """Call a point something else; a name that another one has is not taken."""
        if label and label not in self.labels:
            self.labels[row] = label
        self.changed()

    def measure(self, row: int, axis: int, mm: float) -> None:
        """Say where a point is."""
        self.points[row, axis] = mm
        self.changed()

    def select(self, row: int) -> None:
        """Let a point be the current one."""
        if row != self.current and 0 <= row < len(self):
            self.current = row
            self.changed()

    def click(self, view: int, pixel: FloatArray) -> None:
        """Place the current point in a camera."""
        if self.labels:
            self.pixels[view, self.current] = pixel
            self.changed()

    def seen_by(self, row: int) -> tuple[str, ...]:
        """Cameras in which a point was clicked."""
        seen = np.isfinite(self.pixels[:, row, 0])
        return tuple(self.cameras[view] for view in np.flatnonzero(seen))
