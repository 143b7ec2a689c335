"""Labels: what people (and programs) said where keypoints are, in each view, and their 3D."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_sdannce.skeletons import Skeleton

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NOBODY = -1
_PER_POINT = ("points_2d", "states", "labelers", "times")
_PER_VIEW = ("frames", *_PER_POINT)


class LabelState(IntEnum):
    """How a point of one view came to be. The value is what our own files store."""

    NONE = 0
    PREDICTED = 1
    TRACKED = 2
    HUMAN = 3
    UNCERTAIN = 4
    REPROJECTED = 5
    OCCLUDED = 6
    NOT_IN_VIEW = 7
    REJECTED = 8


HUMAN_STATES = (LabelState.HUMAN, LabelState.UNCERTAIN, LabelState.OCCLUDED, LabelState.REJECTED)
"""States in which a person placed the point."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Keypoints of some moments: view x frame x animal x keypoint, with the 3D points.

    Missing positions are NaN. Pixels are 0-based (x, y), distorted, as seen in the video.

    Parameters
    ----------
    views
        V camera names.
    skeleton
        K keypoints.
    animals
        A names.
    sample_ids
        (F,) keys of the labelled moments, as in the recording's `Sync`.
    frames
        (V, F) frame number in each view, -1 where a camera has none.
    points_2d
        (V, F, A, K, 2) px.
    states
        (V, F, A, K) `LabelState` values, uint8.
    points_3d
        (F, A, K, 3) mm.
    labelers
        (V, F, A, K) index into `labeler_names`, -1 for nobody known.
    labeler_names
        Who labelled.
    times
        (V, F, A, K) when the point was placed, seconds since 1970, NaN when not known.

    Raises
    ------
    ValueError
        When an array does not have the shape that the names and keys ask for.
    """

    views: tuple[str, ...]
    skeleton: Skeleton
    animals: tuple[str, ...]
    sample_ids: IntArray
    frames: IntArray
    points_2d: FloatArray
    states: npt.NDArray[np.uint8]
    points_3d: FloatArray
    labelers: npt.NDArray[np.int16]
    labeler_names: tuple[str, ...]
    times: FloatArray

    def __post_init__(self) -> None:
        n_views, n_frames = len(self.views), len(self.sample_ids)
        per_point = (n_views, n_frames, len(self.animals), len(self.skeleton.keypoints))
        expected = {
            "sample_ids": (n_frames,),
            "frames": (n_views, n_frames),
            "points_2d": (*per_point, 2),
            "states": per_point,
            "points_3d": (*per_point[1:], 3),
            "labelers": per_point,
            "times": per_point,
        }
        for what, shape in expected.items():
            found = getattr(self, what).shape
            if found != shape:
                raise ValueError(f"labels: {what} has shape {found}, expected {shape}")
        if len(np.unique(self.sample_ids)) != n_frames:
            raise ValueError("labels: sample ids repeat")

    def __len__(self) -> int:
        return len(self.sample_ids)

    @classmethod
    def empty(
        cls,
        views: tuple[str, ...],
        skeleton: Skeleton,
        animals: tuple[str, ...],
        sample_ids: IntArray,
        frames: IntArray,
    ) -> Labels:
        """Labels for these moments with nothing labelled yet."""
        shape = (len(views), len(sample_ids), len(animals), len(skeleton.keypoints))
        return cls(
            views=views,
            skeleton=skeleton,
            animals=animals,
            sample_ids=sample_ids,
            frames=frames,
            points_2d=np.full((*shape, 2), np.nan),
            states=np.zeros(shape, dtype=np.uint8),
            points_3d=np.full((*shape[1:], 3), np.nan),
            labelers=np.full(shape, NOBODY, dtype=np.int16),
            labeler_names=(),
            times=np.full(shape, np.nan),
        )

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """(F, A) whether every keypoint of the animal has a 3D position."""
        return np.asarray(np.isfinite(self.points_3d).all(axis=(-1, -2)))

    @property
    def any_3d(self) -> npt.NDArray[np.bool_]:
        """(F,) whether any keypoint has a 3D position."""
        has_3d = np.asarray(np.isfinite(self.points_3d).all(axis=-1))
        return np.asarray(has_3d.any(axis=(1, 2)))

    def select_frames(self, which: npt.ArrayLike) -> Labels:
        """Labels of some of the frames, by index or mask (F,)."""
        chosen = np.asarray(which)
        chosen = chosen if chosen.size else np.zeros(0, dtype=np.intp)
        changes: dict[str, Any] = {name: getattr(self, name)[:, chosen] for name in _PER_VIEW}
        return replace(
            self,
            sample_ids=self.sample_ids[chosen],
            points_3d=self.points_3d[chosen],
            **changes,
        )

    def select_views(self, names: tuple[str, ...]) -> Labels:
        """Labels of some of the views, in the given order.

        Raises
        ------
        ValueError
            When there is no view of one of the names.
        """
        missing = [name for name in names if name not in self.views]
        if missing:
            raise ValueError(
                f"labels have the cameras {', '.join(self.views)}, not {', '.join(missing)}"
            )
        chosen = [self.views.index(name) for name in names]
        changes: dict[str, Any] = {name: getattr(self, name)[chosen] for name in _PER_VIEW}
        return replace(self, views=names, **changes)

    def select_animal(self, animal: int) -> Labels:
        """Labels of one animal, by index."""
        keep = slice(animal, animal + 1)
        changes: dict[str, Any] = {name: getattr(self, name)[:, :, keep] for name in _PER_POINT}
        return replace(
            self, animals=self.animals[keep], points_3d=self.points_3d[:, keep], **changes
        )

    def equals(self, other: Labels) -> bool:
        """Whether everything is the same, NaN being equal to NaN."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, np.ndarray):
                if not np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"):
                    return False
            elif mine != theirs:
                return False
        return True


def mean_keypoint(points: FloatArray) -> FloatArray:
    """Mean (..., 3) over the labelled keypoints of (..., K, 3); NaN where there is none."""
    labelled = np.isfinite(points).all(axis=-1, keepdims=True)
    count = labelled.sum(axis=-2)
    total = np.where(labelled, points, 0).sum(axis=-2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
