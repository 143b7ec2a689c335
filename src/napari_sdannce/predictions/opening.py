"""Opening predictions and COM traces: our stores, or files of the reference program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.com_mat import ComFile, read_com, read_instance_coms
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.guess_skeleton import MOST_COM_POINTS
from napari_sdannce.files.label_file import open_labels
from napari_sdannce.files.mat import read_mat
from napari_sdannce.files.pose_mat import read_poses
from napari_sdannce.files.video_folders import natural_key

from .com import ComTrace
from .com_store import ComStore
from .job import ATTRIBUTE, read_attributes
from .store import PoseStore

if TYPE_CHECKING:
    import os

    from napari_sdannce.files.com_pickle import Aggregation
    from napari_sdannce.poses import Poses
    from napari_sdannce.skeletons import Skeleton

FloatArray = npt.NDArray[np.floating]

POSES_EXPECTED = (
    "a prediction store of ours, a folder with one, or a save_data_AVG*.mat of the reference "
    "program"
)
COM_EXPECTED = (
    "a store of centres of mass, a com3d.mat, instance<i>com3d.mat or com3d.pickle, a label file "
    "of COMs or with a COM inside, or a folder with one of the first three"
)
PICKLES = (".pickle", ".pkl")


def open_predictions(path: str | os.PathLike[str], *, skeleton: Skeleton | None = None) -> Poses:
    """Open the poses of a recording.

    Parameters
    ----------
    path
        A prediction store; a folder with exactly one, or else with exactly one ``save_data_*.mat``;
        or such a file. The poses of ``save_data_MAX.mat`` are relative to the COM, which is taken
        from the ``com3d_used.mat`` beside it.
    skeleton
        Names of the keypoints of a ``.mat``, which has none; guessed from their number when None.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`.
    FileFormatError
        When it holds no predictions, or several.

    Examples
    --------
    >>> poses = open_predictions("experiment/DANNCE/predict")  # doctest: +SKIP
    >>> poses.positions.shape  # (time, animal, keypoint, xyz)  # doctest: +SKIP
    (90000, 2, 23, 3)
    """
    place = find_poses(path)
    if place.is_dir():
        return PoseStore.open(place).poses()
    if place.suffix.lower() != ".mat":
        raise FileFormatError(place, f"a file of type '{place.suffix}'", POSES_EXPECTED)
    used = place.with_name("com3d_used.mat")
    needs_com = "MAX" in place.name and used.is_file()
    return read_poses(place, skeleton=skeleton, com=read_com(used) if needs_com else None)


def find_poses(path: str | os.PathLike[str]) -> Path:
    """Path of the store or file that a path means: itself, or the only one in a folder.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As `open_predictions`.
    """
    place = _existing(path, POSES_EXPECTED)
    if not place.is_dir() or is_store(place):
        return place
    return _only(place, stores_in(place, "poses") or _pose_files(place), POSES_EXPECTED)


def read_covariance(path: str | os.PathLike[str]) -> FloatArray | None:
    """Read how uncertain the poses are that `open_predictions` opens at the same path.

    Parameters
    ----------
    path
        As for `open_predictions`.

    Returns
    -------
    (T, A, K, 6) mm^2: xx, xy, xz, yy, yz, zz, moment by moment as in the poses; None when it was
    not kept. No file of the reference program has it.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As `open_predictions`.
    """
    place = find_poses(path)
    return PoseStore.open(place).covariance() if place.is_dir() else None


def read_used_com(path: str | os.PathLike[str]) -> ComTrace | None:
    """Centres of mass that poses were predicted with; None when a file has none beside it.

    Parameters
    ----------
    path
        As for `open_predictions`.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As `open_predictions`.
    """
    place = find_poses(path)
    if place.is_dir():
        return PoseStore.open(place).com()
    used = place.with_name("com3d_used.mat")
    return _trace(read_com(used)) if used.is_file() else None


def read_com_trace(
    path: str | os.PathLike[str], *, aggregation: Aggregation | None = None
) -> ComTrace:
    """Read where each animal's centre of mass was.

    Parameters
    ----------
    path
        A store of centres of mass; a ``com3d.mat``, ``instance<i>com3d.mat`` or ``com3d.pickle``
        (which is parsed, never executed); a label file with a COM inside, or whose labels are COMs
        (up to three points); or a folder with exactly one store, or else a ``com3d.mat``, or else
        one ``instance<i>com3d.mat`` an animal.
    aggregation
        How the pairs of cameras in a pickle become one position; default as the reference: median.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`.
    FileFormatError
        When it holds no COM, or several.
    """
    place = _existing(path, COM_EXPECTED)
    if not place.is_dir():
        if place.suffix.lower() not in (".mat", *PICKLES):
            raise FileFormatError(place, f"a file of type '{place.suffix}'", COM_EXPECTED)
        return (
            _of_labels(place)
            if _has_only_labels(place)
            else _trace(read_com(place, aggregation=aggregation))
        )
    if is_store(place):
        return ComStore.open(place).trace()
    stores = stores_in(place, "com")
    if stores:
        return ComStore.open(_only(place, stores, COM_EXPECTED)).trace()
    if (place / "com3d.mat").is_file():
        return _trace(read_com(place / "com3d.mat"))
    instances = sorted(place.glob("instance*com3d.mat"), key=lambda each: natural_key(each.name))
    if not instances:
        raise FileFormatError(place, "it has none of them", COM_EXPECTED)
    return _trace(read_instance_coms(instances))


def is_store(folder: Path) -> bool:
    """Whether a folder is a store of ours, perhaps a damaged one."""
    if not (folder / "zarr.json").is_file():
        return False
    try:
        attributes = read_attributes(folder)
    except FileFormatError:
        return True
    return isinstance(attributes, dict) and ATTRIBUTE in attributes


def stores_in(folder: Path, kind: str) -> list[Path]:
    """Stores of one kind (``poses`` or ``com``) directly in a folder, by name."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and is_store(path):
            about = read_attributes(path)[ATTRIBUTE]
            if isinstance(about, dict) and about.get("kind") == kind:
                found.append(path)
    return found


def _pose_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("save_data_*.mat"))


def _existing(path: str | os.PathLike[str], expected: str) -> Path:
    place = Path(path).expanduser().absolute()
    if not place.exists():
        raise FileNotFoundError(f"{place} does not exist; expected {expected}")
    return place


def _only(folder: Path, found: list[Path], expected: str) -> Path:
    if not found:
        raise FileFormatError(folder, "it has none of them", expected)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise FileFormatError(folder, f"it has several: {names}", "the path of one of them")
    return found[0]


def _has_only_labels(path: Path) -> bool:
    """Whether a file is a label file without a COM inside."""
    if path.suffix.lower() in PICKLES:
        return False
    names = read_mat(path, only=()).names
    return "com" not in names and bool({"params", "camParams"} & set(names))


def _of_labels(path: Path) -> ComTrace:
    """COM of labels that are COMs; up to three points of one animal are as many animals."""
    labels = open_labels(path)
    n_keypoints = len(labels.skeleton.keypoints)
    if n_keypoints > 1 and (len(labels.animals) > 1 or n_keypoints > MOST_COM_POINTS):
        found = f"it has no COM inside, and its labels are of {n_keypoints} keypoints"
        raise FileFormatError(path, found, COM_EXPECTED)
    animals = labels.animals if n_keypoints == 1 else labels.skeleton.keypoints
    positions = labels.points_3d.reshape(len(labels), len(animals), 3)
    return ComTrace(positions, np.full(positions.shape[:2], np.nan), labels.sample_ids, animals)


def _trace(file: ComFile) -> ComTrace:
    """COM of a file; the first of moments whose keys repeat."""
    _, first = np.unique(file.sample_ids, return_index=True)
    rows = np.sort(first)
    positions = file.positions[rows]
    return ComTrace(positions, np.full(positions.shape[:2], np.nan), file.sample_ids[rows])
