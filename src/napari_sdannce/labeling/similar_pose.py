"""Where a keypoint would be, did the animal hold it as in the labelled moment most like this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.bones import is_measured

if TYPE_CHECKING:
    from napari_sdannce.labeling.session import LabelingSession

FloatArray = npt.NDArray[np.floating]

# of the squared size: about an axis that the points leave open, nothing is turned
_STIFF = 0.001


@dataclass(frozen=True, eq=False, slots=True)
class Motion:
    """A turn, and a shift.

    Parameters
    ----------
    turn
        (3, 3) rotation.
    start, end
        (3,) mm, what moves from where to where.
    """

    turn: FloatArray
    start: FloatArray
    end: FloatArray

    @classmethod
    def between(cls, before: FloatArray, now: FloatArray) -> Motion:
        """Fit the motion of points (n, 3), one or more.

        Least squares (Arun, Huang and Blostein 1987, IEEE PAMI 9, 698), held back so far that what
        few points, or points in a row, leave open is not turned.

        Examples
        --------
        >>> import numpy as np
        >>> before = np.array([[0.0, 0, 0], [20, 0, 0], [0, 10, 0], [0, 0, 5]])
        >>> now = before @ np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]) + 7
        >>> Motion.between(before, now).of(np.array([3.0, 0, 0])).round(1).tolist()
        [7.0, 10.0, 7.0]
        """
        start, end = before.mean(axis=0), now.mean(axis=0)
        mixed = (now - end).T @ (before - start)
        size = ((before - start) ** 2).sum()
        u, _, vt = np.linalg.svd(mixed + _STIFF * size * np.eye(3))
        turn = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
        return cls(turn, start, end)

    def of(self, points: FloatArray) -> FloatArray:
        """Where points (..., 3) mm go."""
        return np.asarray((points - self.start) @ self.turn.T + self.end)


def from_similar_pose(
    session: LabelingSession, sample_id: int, animal: int, keypoint: int
) -> FloatArray | None:
    """Take a keypoint from the labelled moment with the most similar pose, moved to this one.

    Parameters
    ----------
    session
        The labels so far.
    sample_id
        The moment.
    animal, keypoint
        Which.

    Returns
    -------
    (3,) mm; None when no other moment has the keypoint and one that is known at this one.
    """
    here = session.solution(sample_id)
    pose, known = here.points_3d[animal], here.complete[animal].copy()
    known[keypoint] = False
    places, unlike = [], []
    for key in session.frames:
        solution = session.solution(key)
        measured = is_measured(solution)[animal]
        common = known & measured
        if key == sample_id or not measured[keypoint] or not common.any():
            continue
        before = solution.points_3d[animal]
        motion = Motion.between(before[common], pose[common])
        apart = ((motion.of(before[common]) - pose[common]) ** 2).sum()
        # one that is missing there could be anywhere in the animal
        n_missing = known.sum() - common.sum()
        size = ((pose[known] - pose[known].mean(axis=0)) ** 2).sum(axis=-1).mean()
        places.append(motion.of(before[keypoint]))
        unlike.append(apart + n_missing * size)
    return places[int(np.argmin(unlike))] if places else None
