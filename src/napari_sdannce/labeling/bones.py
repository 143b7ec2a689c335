"""How long an animal's bones are, which of a pose are odd, and what that tells of a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.robust import usual

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.session import LabelingSession
    from napari_sdannce.labeling.solving import Solution

FloatArray = npt.NDArray[np.floating]
BoolArray = npt.NDArray[np.bool_]
Bones = tuple[tuple[int, int], ...]

ODD = 3.0
"""Spreads from the usual length beyond which a bone is odd."""

ENOUGH_FRAMES = 5
"""Labelled frames from which on a bone has a usual length."""

# a keypoint cannot be clicked better than this, however rigid the animal: of the length, and mm
_LEAST_SPREAD, _LEAST_SPREAD_MM = 0.02, 0.1
# of the squared length: a ray that touches the sphere may miss it by rounding
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class PoseBones:
    """Bones of a pose.

    Parameters
    ----------
    lengths
        (..., A, B) mm, NaN where an end is not known.
    deviations
        (..., A, B) spreads from the usual length, longer is positive; NaN where the length or what
        is usual is not known.
    """

    lengths: FloatArray
    deviations: FloatArray

    def odd(self, limit: float = ODD) -> BoolArray:
        """(..., A, B) which bones are longer or shorter than is usual."""
        return np.asarray(np.abs(self.deviations) > limit)


@dataclass(frozen=True, eq=False, slots=True)
class BoneStatistics:
    """Usual lengths of the bones of A animals.

    Parameters
    ----------
    bones
        B pairs of keypoint indices, as `Skeleton.bones`.
    median
        (A, B) mm, NaN of fewer than five frames.
    spread
        (A, B) mm, scaled median absolute deviation, at least 2 % of the length and 0.1 mm; NaN
        likewise.
    n_frames
        (A, B) in which both ends are known.

    Examples
    --------
    >>> import numpy as np
    >>> positions = np.zeros((9, 1, 2, 3))
    >>> positions[:, 0, 1, 0] = 20.0
    >>> statistics = BoneStatistics.of(positions, ((0, 1),))
    >>> pose = np.array([[[0.0, 0, 0], [0, 26, 0]]])
    >>> statistics.check(pose).deviations.round(1).tolist()
    [[15.0]]
    """

    bones: Bones
    median: FloatArray
    spread: FloatArray
    n_frames: npt.NDArray[np.int64]

    @classmethod
    def of(cls, positions: FloatArray, bones: Bones) -> BoneStatistics:
        """Statistics of positions (F, A, K, 3) mm, NaN where a keypoint is not known."""
        found = usual(bone_lengths(positions, bones))
        enough = found.count >= ENOUGH_FRAMES
        median = np.where(enough, found.median, np.nan)
        least = np.maximum(_LEAST_SPREAD * median, _LEAST_SPREAD_MM)
        return cls(bones, median, np.maximum(found.spread, least), found.count)

    def check(self, pose: FloatArray) -> PoseBones:
        """Compare a pose (A, K, 3) mm, or many (..., A, K, 3), with what is usual."""
        lengths = bone_lengths(pose, self.bones)
        return PoseBones(lengths, (lengths - self.median) / self.spread)

    def length(self, animal: int, first: int, second: int) -> float:
        """Usual length between two keypoints, mm; NaN when not known.

        Raises
        ------
        ValueError
            When no bone is between them.
        """
        for bone, ends in enumerate(self.bones):
            if {first, second} == set(ends):
                return float(self.median[animal, bone])
        raise ValueError(f"no bone is between the keypoints {first} and {second}")


def bone_statistics(session: LabelingSession) -> BoneStatistics:
    """Statistics of what people labelled so far: of the measured keypoints of all moments."""
    bones = session.subject.skeleton.bones
    _, n_animals, n_keypoints = session.subject.shape
    positions = np.full((len(session.frames), n_animals, n_keypoints, 3), np.nan)
    for row, key in enumerate(session.frames):
        solution = session.solution(key)
        measured = is_measured(solution)
        positions[row][measured] = solution.points_3d[measured]
    return BoneStatistics.of(positions, bones)


def is_measured(solution: Solution) -> BoolArray:
    """(A, K) complete keypoints, without those whose depth may be guessed from bone lengths.

    These are accepted with a single click: they must not confirm the lengths they came from.
    """
    n_clicks = np.isfinite(solution.residual_px).sum(axis=0)
    return np.asarray(solution.complete & (n_clicks != 1))


def bone_lengths(positions: FloatArray, bones: Bones) -> FloatArray:
    """Lengths (..., B) mm of the bones of poses (..., K, 3)."""
    lengths = np.empty((*positions.shape[:-2], len(bones)), positions.dtype)
    for bone, (first, second) in enumerate(bones):
        along = positions[..., first, :] - positions[..., second, :]
        lengths[..., bone] = np.sqrt(np.einsum("...i,...i->...", along, along))
    return lengths


def along_ray(
    camera: Camera,
    pixel: npt.ArrayLike,
    neighbour: npt.ArrayLike,
    length: float,
    *,
    hint: npt.ArrayLike | None = None,
    slack: float = 0.0,
) -> FloatArray | None:
    """Find where on a line of sight a bone has its usual length.

    The line meets the sphere about the neighbour at none, one or two places in front of the camera.

    Parameters
    ----------
    camera
        The only one that sees the keypoint.
    pixel
        (2,) px, distorted, where it sees it.
    neighbour
        (3,) mm, the other end of the bone.
    length
        Usual length of the bone, mm.
    hint
        (3,) mm, about where the keypoint is, for example a moment before: which of two places.
    slack
        A line that passes the neighbour at more than the usual length, but by no more than this,
        mm, has its nearest place taken. None are unless asked for.

    Returns
    -------
    (n, 3) mm, one or two places, nearest to the camera first; one when there is a hint. None when
    the line does not come that near, or something is not known (NaN).

    Raises
    ------
    ValueError
        When the length or the slack is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_sdannce.geometry import Camera
    >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    >>> camera = Camera("front", matrix, np.eye(3), np.zeros(3))
    >>> along_ray(camera, [320, 240], [3, 0, 100], 5.0).tolist()
    [[0.0, 0.0, 96.0], [0.0, 0.0, 104.0]]
    >>> along_ray(camera, [320, 240], [3, 0, 100], 5.0, hint=[0, 0, 110]).tolist()
    [[0.0, 0.0, 104.0]]
    >>> along_ray(camera, [320, 240], [3, 0, 100], 2.0) is None
    True
    """
    if length < 0 or slack < 0:
        raise ValueError(f"length and slack must not be negative, got {length} and {slack} mm")
    ray = camera.rays(pixel)
    towards = np.asarray(neighbour, dtype=np.float64) - camera.centre
    nearest = float(ray @ towards)
    # Pythagoras: half the chord that the sphere cuts out of the line
    squared = length**2 - float(((towards - nearest * ray) ** 2).sum())
    most = (length + slack) ** 2 - length**2 + _ROUNDING * length**2
    if not squared >= -most:
        return None
    half = np.sqrt(max(squared, 0.0))
    distances = np.unique([nearest - half, nearest + half])
    places = camera.centre + distances[distances > 0, None] * ray
    if not len(places):
        return None
    if hint is None:
        return np.asarray(places)
    away = np.linalg.norm(places - np.asarray(hint, dtype=np.float64), axis=-1)
    return np.asarray(places[[away.argmin()]])
