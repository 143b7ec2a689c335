"""2D keypoints of one camera as other programs write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Points2D:
    """2D keypoints of animals over time in one camera. Missing is NaN.

    Parameters
    ----------
    path
        The file they come from.
    camera
        Name of the camera when the file says it, else None.
    frames
        (F,) unique frame numbers of the video, 0-based.
    animals, keypoints
        A and K names.
    points
        (F, A, K, 2) px, x to the right and y down, centre of the first pixel 0, 0.
    scores
        (F, A, K) how sure the program was, NaN when not known or placed by a person.
    edges
        Bones as pairs of keypoint indices, when the file says them.

    Raises
    ------
    ValueError
        When the arrays do not fit the names, or names or frames repeat.
    """

    path: Path
    camera: str | None
    frames: IntArray
    animals: tuple[str, ...]
    keypoints: tuple[str, ...]
    points: FloatArray
    scores: FloatArray
    edges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.frames), len(self.animals), len(self.keypoints))
        for what, expected in {"points": (*shape, 2), "scores": shape}.items():
            found = getattr(self, what).shape
            if found != expected:
                raise ValueError(f"{what} have the shape {found}, expected {expected}")
        for what in ("animals", "keypoints"):
            check_names(getattr(self, what), what)
        if len(self.frames) and self.frames.min() < 0:
            raise ValueError(f"it has the frame number {self.frames.min()}")
        if len(np.unique(self.frames)) != len(self.frames):
            raise ValueError("its frame numbers repeat")
        count = len(self.keypoints)
        for edge in self.edges:
            if not all(0 <= end < count for end in edge):
                raise ValueError(f"edge {edge} points outside its {count} keypoints")


def check_names(names: Sequence[str], what: str) -> None:
    """Raise ValueError when there are no names, an empty one or one that occurs twice."""
    if not names:
        raise ValueError(f"it has no {what}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not all(names):
        raise ValueError(f"names of its {what} repeat or are empty: {', '.join(names)[:200]}")


def whole_points(points: FloatArray) -> FloatArray:
    """Return points (..., 2) with both coordinates NaN where one is not finite."""
    return np.where(np.isfinite(points).all(axis=-1, keepdims=True), points, np.nan)


def frame_numbers(values: npt.ArrayLike, what: str = "frames") -> IntArray:
    """Return values as frame numbers; ValueError when they are none."""
    found = np.asarray(values)
    if found.dtype.kind not in "iuf" or found.ndim != 1:
        raise ValueError(f"'{what}' is {found.dtype} of the shape {found.shape}, not whole numbers")
    if not (np.isfinite(found).all() and (np.abs(found) < 2**53).all() and (found % 1 == 0).all()):
        raise ValueError(f"'{what}' holds values that are no frame numbers")
    return found.astype(np.int64)
