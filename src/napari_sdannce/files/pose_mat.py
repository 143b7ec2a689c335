"""``save_data_AVG.mat`` and its kin: poses as DANNCE writes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sdannce.poses import Poses

from .com_mat import ComFile, as_row, com_variables, read_com
from .guess_skeleton import animal_names, guess_skeleton
from .mat import read_mat, write_mat
from .mat_fields import floats, int_vector, reading
from .moment_blocks import MomentBlocks, Zeros

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari_sdannce.skeletons import Skeleton

    from .mat_values import MatValue

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

COM_USED = "com3d_used.mat"
"""Name of the file with the centres that a prediction was made round."""
EXPECTED = "poses of DANNCE: 'pred' (moments[, animals], 3, keypoints), 'p_max' and 'sampleID'"


def read_poses(
    path: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    animals: Sequence[str] | None = None,
    com: ComFile | str | os.PathLike[str] | None = None,
    fps: float | None = None,
) -> Poses:
    """Read ``save_data_AVG*.mat``, ``init_save_data_AVG.mat`` or ``save_data_MAX.mat``.

    Parameters
    ----------
    path
        The file. Files of the TensorFlow era have no axis of animals; that is fine.
    skeleton
        Names of the keypoints; guessed from their number when None.
    animals
        Names of the animals.
    com
        Centres of mass or their file, needed for ``save_data_MAX.mat``, whose positions are
        relative to them. Moments without one become NaN.
    fps
        Frames a second, to be kept in the poses.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it holds no poses, or is damaged.
    """
    if com is not None and not isinstance(com, ComFile):
        com = read_com(com)
    found = read_mat(path, only=("pred", "p_max", "sampleID", "log_pmax"))
    with reading(found.path, EXPECTED):
        if "pred" not in found.variables:
            raise ValueError(f"no 'pred' (there is {', '.join(found.names[:20]) or 'nothing'})")
        positions = _with_animals(floats(found.variables["pred"], "pred"))
        n_frames, n_animals, _, n_keypoints = positions.shape
        if "sampleID" in found.variables:
            sample_ids = int_vector(found.variables["sampleID"], "sampleID")
        else:
            sample_ids = np.arange(n_frames, dtype=np.int64)
        if len(sample_ids) != n_frames:
            raise ValueError(f"'pred' has {n_frames} moments, 'sampleID' {len(sample_ids)}")
        confidence = _confidence(found.variables, (n_frames, n_animals, n_keypoints))
        keypoints = (skeleton or guess_skeleton(n_keypoints)).keypoints
        if len(keypoints) != n_keypoints:
            raise ValueError(f"it has {n_keypoints} keypoints, the skeleton {len(keypoints)}")
        names = tuple(animals) if animals else animal_names(n_animals)
        if len(names) != n_animals:
            raise ValueError(f"it has {n_animals} animals, but {len(names)} names were given")
        positions = np.transpose(positions, (0, 1, 3, 2))
        if "log_pmax" in found.variables:
            positions = _in_world(positions, sample_ids, com)
        return Poses(
            positions=np.ascontiguousarray(positions),
            confidence=confidence,
            sample_ids=sample_ids,
            animals=names,
            keypoints=keypoints,
            fps=fps,
        )


def _with_animals(found: FloatArray) -> FloatArray:
    """(N, A, 3, K) of (N, A, 3, K), (N, 3, K) or (N, 3)."""
    if found.ndim == 2 and found.shape[1] == 3:
        return found[:, None, :, None]
    if found.ndim == 3 and found.shape[1] == 3:
        return found[:, None]
    if found.ndim == 3 and found.shape[2] == 3:  # MATLAB drops the last axis of one keypoint
        return found[..., None]
    if found.ndim == 4 and found.shape[2] == 3:
        return found
    raise ValueError(f"'pred' has the shape {found.shape}")


def _confidence(variables: Any, shape: tuple[int, int, int]) -> FloatArray:
    value = variables.get("p_max", variables.get("log_pmax"))
    if value is None:
        return np.full(shape, np.nan)
    found = floats(value, "p_max")
    if found.size != np.prod(shape) or found.shape[:1] != shape[:1]:
        raise ValueError(f"'p_max' has the shape {found.shape}, 'pred' is for {shape}")
    return np.asarray(found.reshape(shape))


def _in_world(positions: FloatArray, sample_ids: IntArray, com: ComFile | None) -> FloatArray:
    """Add the COM to positions that are relative to it."""
    if com is None:
        raise ValueError("its positions are relative to the COM, and no COM file was given")
    if com.positions.shape[1] != positions.shape[1]:
        raise ValueError(
            f"it has {positions.shape[1]} animals, the COM file {com.positions.shape[1]}"
        )
    centre = np.full((len(sample_ids), positions.shape[1], 3), np.nan)
    row_of = {int(key): row for row, key in enumerate(com.sample_ids)}
    for row, key in enumerate(sample_ids):
        if int(key) in row_of:
            centre[row] = com.positions[row_of[int(key)]]
    return np.asarray(positions + centre[:, :, None])


def write_poses(
    path: str | os.PathLike[str],
    poses: Poses,
    *,
    start: int | None = 0,
    initial: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write poses in the layout of the reference.

    Parameters
    ----------
    path
        A ``.mat`` file, or the folder that gets ``save_data_AVG<start>.mat``.
    poses
        The poses; their confidence becomes ``p_max``.
    start
        First batch of the run, part of the name; None: of a whole run.
    initial
        Poses before the pose graph network: ``init_save_data_AVG.mat``.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    goal = Path(path)
    if goal.suffix.lower() != ".mat":
        goal.mkdir(parents=True, exist_ok=True)
        goal /= pose_file_name(start=start, initial=initial)
    variables = pose_variables(
        MomentBlocks.of(poses.positions),
        MomentBlocks.of(poses.confidence),
        MomentBlocks.of(poses.sample_ids),
    )
    return write_mat(goal, variables, overwrite=overwrite)


def pose_file_name(*, start: int | None = 0, initial: bool = False) -> str:
    """Name that the reference gives a file of poses; parameters as those of `write_poses`."""
    number = "" if start is None else start
    return "init_save_data_AVG.mat" if initial else f"save_data_AVG{number}.mat"


def pose_variables(
    positions: MomentBlocks, highest: MomentBlocks, sample_ids: MomentBlocks
) -> dict[str, MatValue]:
    """Variables of a file of poses.

    Parameters
    ----------
    positions
        (T, A, K, 3) mm.
    highest
        (T, A, K), what becomes ``p_max``.
    sample_ids
        (T,).
    """
    pred = positions.arranged(lambda block: np.transpose(block, (0, 1, 3, 2)))
    return {
        "pred": pred,
        "data": Zeros(pred.shape),
        "p_max": highest,
        "sampleID": as_row(sample_ids),
    }


def write_com3d_used(
    folder: str | os.PathLike[str],
    positions: FloatArray,
    sample_ids: IntArray,
    *,
    overwrite: bool = False,
) -> Path:
    """Write ``com3d_used.mat``: the (T, A, 3) positions in mm that a prediction was made round.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    variables = com_variables(MomentBlocks.of(positions), MomentBlocks.of(sample_ids, "i8"))
    return write_mat(Path(folder) / COM_USED, variables, overwrite=overwrite)
