"""Moving rats: keypoints, and the bones that carry the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sdannce.synthetic.anatomy import KEYPOINT_BONES, KEYPOINT_PLACES, attached
from napari_sdannce.synthetic.behaviour import Ground, Script
from napari_sdannce.synthetic.gait import step_feet
from napari_sdannce.synthetic.paths import STEP_S, WARM_UP_S, simulate
from napari_sdannce.synthetic.posture import pose_bones
from napari_sdannce.synthetic.tail import pose_tail

FloatArray = npt.NDArray[np.float64]

_BLOCK = 2000


@dataclass(frozen=True, eq=False)
class Motion:
    """Rats that move, with everything a renderer needs.

    Parameters
    ----------
    fps
        Frames a second.
    keypoints
        (T, A, 23, 3) mm, rat23 order.
    rotations
        (T, A, B, 3, 3) turn of each bone away from the rest pose of `anatomy`.
    origins
        (T, A, B, 3) mm, joint at which each bone is carried.
    scales
        (A,) size of each animal; 1 is 245 mm from nose to tail base.
    """

    fps: float
    keypoints: FloatArray
    rotations: npt.NDArray[np.float32]
    origins: npt.NDArray[np.float32]
    scales: FloatArray

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def n_animals(self) -> int:
        """Number of animals."""
        return int(self.keypoints.shape[1])

    @property
    def com(self) -> FloatArray:
        """(T, A, 3) mm: the mean of an animal's keypoints, as label files define it."""
        return np.asarray(self.keypoints.mean(axis=2))


def rat_motion(
    n_frames: int,
    n_animals: int = 1,
    *,
    fps: float = 50.0,
    seed: int = 0,
    ground: Ground | None = None,
    script: Script | None = None,
) -> Motion:
    """Make rats walk, turn, pause, rear, groom, and go to one another.

    Parameters
    ----------
    n_frames, n_animals
        T and A.
    fps
        Frames a second.
    seed
        Same seed, same motion. Animals differ in size.
    ground
        Where they can go; a disc of 300 mm radius when None.
    script
        What each animal does; made up from the seed when None.

    Raises
    ------
    ValueError
        When a number is not positive, or the script is not for that many animals.

    Examples
    --------
    >>> rat_motion(5, 2, seed=1).keypoints.shape
    (5, 2, 23, 3)
    """
    if n_frames < 1 or n_animals < 1 or fps <= 0:
        raise ValueError(
            f"motion needs at least one frame and animal and a positive frame rate, got "
            f"{n_frames}, {n_animals} and {fps}"
        )
    if script is not None and len(script) != n_animals:
        raise ValueError(f"a script for {len(script)} animals, but there are {n_animals}")
    rng = np.random.default_rng([seed, 11])
    scales = rng.uniform(0.84, 0.98, n_animals)
    warm_up = round(WARM_UP_S / STEP_S) * (script is None)
    steps = warm_up + np.arange(n_frames) / (fps * STEP_S)
    n_steps = int(np.ceil(steps[-1])) + round(WARM_UP_S / STEP_S)
    ground = ground or Ground()
    track = simulate(n_steps, ground, scales, seed, script)
    feet = step_feet(track, scales)
    rotations, origins = pose_bones(track, feet, scales)
    pose_tail(rotations, origins, scales, ground)
    rotations, origins = _resampled(rotations, origins, steps)
    keypoints = attached(rotations, origins, scales, KEYPOINT_BONES, KEYPOINT_PLACES)
    return Motion(fps, keypoints, rotations.astype(np.float32), origins.astype(np.float32), scales)


def _resampled(
    rotations: FloatArray, origins: FloatArray, steps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Bones between the steps of the simulation; rotations are made orthogonal again."""
    low = steps.astype(np.int64)
    share = (steps - low)[:, None, None, None]
    origins = (1 - share) * origins[low] + share * origins[low + 1]
    if not share.any():
        return rotations[low], origins
    share = share[..., None]
    mixed = (1 - share) * rotations[low] + share * rotations[low + 1]
    for first in range(0, len(mixed), _BLOCK):
        u, _, vt = np.linalg.svd(mixed[first : first + _BLOCK])
        mixed[first : first + _BLOCK] = u @ vt
    return mixed, origins
