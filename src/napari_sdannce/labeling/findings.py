"""What one look at predictions finds odd, moment by moment, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.prelabels import check_keypoints, matched_animals

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.labeling.session import Subject
    from napari_sdannce.poses import Poses
    from napari_sdannce.skeletons import Skeleton

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]

_NAMED = 2
# a keypoint that is far off everything says no more than one that is off by this many limits
_MOST = 5.0
# of items at their limit whose moment has half the greatest score
_HALF = 5.0


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions of a recording, in order of time.

    Parameters
    ----------
    positions
        (T, A, K, 3) mm, NaN where nothing is predicted.
    confidence
        (T, A, K), NaN where not known.
    moments
        (T,) rows of the recording's sync, rising.
    animals
        A names as the session has them.
    indices
        (A,) which animal of the session each is, None for one more than it has.
    skeleton
        Keypoints.
    covariance
        (T, A, K, 6) mm^2: xx, xy, xz, yy, yz, zz, as in a prediction store; None: not known.
    """

    positions: FloatArray
    confidence: FloatArray
    moments: IntArray
    animals: tuple[str, ...]
    indices: tuple[int | None, ...]
    skeleton: Skeleton
    covariance: FloatArray | None = None

    @classmethod
    def of(cls, poses: Poses, subject: Subject, covariance: FloatArray | None = None) -> Predicted:
        """Predictions as the session sees them; moments that it does not have are left out.

        Nothing is copied where all are there and in order.

        Raises
        ------
        ValueError
            When keypoints or shapes do not fit, or no moment is one of the recording.
        """
        check_keypoints(poses, subject.skeleton.keypoints)
        expected = (*poses.confidence.shape, 6)
        if covariance is not None and covariance.shape != expected:
            raise ValueError(f"covariance has shape {covariance.shape}, expected {expected}")
        moments, chosen = _moments(poses.sample_ids, subject.sync.sample_ids)
        indices = matched_animals(poses.animals, subject.animals)
        names = tuple(
            name if index is None else subject.animals[index]
            for name, index in zip(poses.animals, indices, strict=True)
        )
        return cls(
            positions=poses.positions[chosen],
            confidence=poses.confidence[chosen],
            moments=moments,
            animals=names,
            indices=indices,
            skeleton=subject.skeleton,
            covariance=None if covariance is None else covariance[chosen],
        )

    def keypoint(self, item: int) -> str:
        """Name of a keypoint of an animal, by its number among all (A * K)."""
        animal, keypoint = divmod(item, len(self.skeleton.keypoints))
        return f"{self.skeleton.keypoints[keypoint]}{self.of_animal(animal)}"

    def of_animal(self, animal: int) -> str:
        """' of rat2', or nothing where there is only one."""
        return f" of {self.animals[animal]}" if len(self.animals) > 1 else ""


def _moments(keys: IntArray, all_keys: IntArray) -> tuple[IntArray, IntArray | slice]:
    """Rows of the sync, rising, and which of the predictions they are."""
    known = np.flatnonzero(np.isin(keys, all_keys))
    if not len(known):
        raise ValueError(
            f"none of the {len(keys)} predicted moments is one of the {len(all_keys)} of the "
            "recording"
        )
    order = np.argsort(all_keys, kind="stable")
    rows = order[np.searchsorted(all_keys, keys[known], sorter=order)]
    moments, first = np.unique(rows, return_index=True)
    chosen = known[first]
    whole = len(chosen) == len(keys) and bool((np.diff(chosen) == 1).all())
    return moments.astype(np.int64), slice(None) if whole else chosen


@dataclass(frozen=True, eq=False)
class Finding:
    """What is odd of some things (keypoints, bones, pairs) at each moment.

    Parameters
    ----------
    what
        Begins the sentence.
    ratio
        (T, M) how many times the limit each thing is off; NaN where it is not known.
    tell
        Words for a thing at a moment, from its row and number.
    """

    what: str
    ratio: FloatArray
    tell: Callable[[int, int], str]

    def scores(self) -> npt.NDArray[np.float32]:
        """(T,) from 0, nothing odd, towards 1: everything is, and far off."""
        over = np.where(self.ratio > 1, np.minimum(self.ratio, _MOST), 0)
        total = over.sum(axis=1, dtype=np.float32)
        return np.asarray(total / (total + np.float32(_HALF)))

    def reason(self, row: int) -> str | None:
        """What is odd at a moment, the worst first, in words; None when nothing is."""
        ratio = np.nan_to_num(self.ratio[row])
        items = [int(item) for item in np.argsort(-ratio, kind="stable") if ratio[item] > 1]
        if not items:
            return None
        told = ", ".join(self.tell(row, item) for item in items[:_NAMED])
        rest = len(items) - _NAMED
        return f"{self.what}: {told}" + (f" and {rest} more" if rest > 0 else "")
