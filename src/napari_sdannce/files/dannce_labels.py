"""Labels from a ``*_dannce.mat`` and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labels import HUMAN_STATES, Labels, LabelState
from napari_sdannce.recording import PixelOrigin, Sync

from .com_mat import com_array
from .dannce_mat import EXPECTED, DannceFile
from .guess_skeleton import animals_and_skeleton
from .mat_fields import floats, is_empty, reading, texts
from .mat_values import MatArray, MatValue, cell_column, cell_row
from .matlab_camera import image_size_field, label_offset, matlab_from_camera
from .skeleton_mat import skeleton_inside, skeleton_to_struct

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.skeletons import Skeleton

    from .com_mat import ComFile
    from .dannce_mat import FrameTable

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

_INT32_MAX = 2**31 - 1
_FARTHEST = 1e12


def labels_from_dannce(
    file: DannceFile,
    *,
    skeleton: Skeleton | None = None,
    animals: Sequence[str] | None = None,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
) -> Labels:
    """Labels of a label file.

    The 2D points of such a file are the projections of its 3D points (`LabelState.REPROJECTED`);
    where ``handLabeled2D`` is kept, its points are a person's (`LabelState.HUMAN`) and stand in
    place of the projection. Moments whose key occurred before are left out.

    Parameters
    ----------
    file
        The label file.
    skeleton, animals
        What its keypoints are, see `animals_and_skeleton`; default: what the file says, else a
        guess.
    pixel_origin
        Where the first pixel lies in the file.

    Raises
    ------
    FileFormatError
        When the file does not fit together.
    """
    with reading(file.path, EXPECTED):
        count, inside = skeleton_inside(file.variables, file.path.stem) or (1, None)
        table = file.label_table()
        n_keypoints = _count_keypoints(table, skeleton or inside, count)
        names, skeleton = animals_and_skeleton(n_keypoints, skeleton or inside, animals)
        names = names if animals else _own_names(file, names)
        shape = (len(file.params), len(table.sample_ids), len(names), len(skeleton.keypoints))
        offset = label_offset(pixel_origin)
        points = finite_points(table.data_2d.reshape(*shape, 2) - offset)
        clicked = _by_hand(file, shape) - offset
        is_human = np.asarray(np.isfinite(clicked).all(-1))
        states = np.where(np.isfinite(points).all(-1), LabelState.REPROJECTED, LabelState.NONE)
        _, first = np.unique(table.sample_ids, return_index=True)
        first = np.sort(first)
        frames = table.frames.T[:, first]
        empty = Labels.empty(file.camnames, skeleton, names, table.sample_ids[first], frames)
        return replace(
            empty,
            points_2d=np.where(is_human[..., None], clicked, points)[:, first],
            states=np.where(is_human, LabelState.HUMAN, states).astype(np.uint8)[:, first],
            points_3d=finite_points(table.data_3d.reshape(*shape[1:], 3))[first],
        )


def finite_points(points: FloatArray) -> FloatArray:
    """Return the points with every coordinate NaN where one is not finite (or beyond all sense)."""
    with np.errstate(invalid="ignore"):
        sound = (np.abs(points) < _FARTHEST).all(axis=-1, keepdims=True)
    return np.where(sound, points, np.nan)


def _own_names(file: DannceFile, default: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the animals in a file of ours; the default when it has none, or of others."""
    value = file.variables.get("animals")
    names = () if value is None or is_empty(value) else tuple(texts(value, "animals"))
    return names if len(names) == len(default) else default


def _count_keypoints(table: FrameTable, skeleton: Skeleton | None, n_animals: int) -> int:
    """Keypoints (of all animals) of the label arrays; the skeleton's when nothing is labelled."""
    columns_2d, columns_3d = table.data_2d.shape[2], table.data_3d.shape[1]
    if not len(table.sample_ids) and not columns_3d:
        return n_animals * len(skeleton.keypoints) if skeleton else 1
    if columns_3d % 3 or columns_3d // 3 * 2 != columns_2d:
        raise ValueError(
            f"'data_3d' has {columns_3d} columns and 'data_2d' {columns_2d}; they must be 3 and 2 "
            "a keypoint"
        )
    return int(columns_3d // 3)


def _by_hand(file: DannceFile, shape: tuple[int, int, int, int]) -> FloatArray:
    """(V, F, A, K, 2) px of the points a person placed, NaN elsewhere.

    ``handLabeled2D`` of (keypoints, V, 2, frames) holds every frame that was open in Label3D, and
    nothing says which of them are labelled: it is used when all are.
    """
    nowhere = np.full((*shape, 2), np.nan)
    value = file.variables.get("handLabeled2D")
    if value is None or is_empty(value):
        return nowhere
    found = floats(value, "handLabeled2D")
    found = found[..., None] if found.ndim == 3 else found
    n_views, n_frames = shape[:2]
    if found.shape != (shape[2] * shape[3], n_views, 2, n_frames):
        return nowhere
    return np.transpose(found, (1, 3, 0, 2)).reshape(*shape, 2)


def dannce_from_labels(
    path: Path,
    labels: Labels,
    cameras: Sequence[Camera],
    sync: Sync | None = None,
    *,
    com: ComFile | None = None,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
) -> DannceFile:
    """Make a label file of labels, to be written with `write_dannce`.

    Moments with at least one 3D point are exported, their 2D points as the projection of the 3D
    ones, as Label3D does. Several animals become one long list of keypoints, animal by animal;
    s-DANNCE's pose networks want one animal a file (``labels.select_animal``), its COM networks all
    COMs in one.

    Parameters
    ----------
    path
        Where the file will be.
    labels
        Labels with 3D points.
    cameras
        Calibrated cameras, one a view of the labels, matched by name.
    sync
        Sync of the recording, columns in the order of the labels' views; None: see `sync_of`.
    com
        COM trace to put into the file.
    pixel_origin
        Where the first pixel is to lie in the file.

    Raises
    ------
    ValueError
        When a camera is missing or the sync is for another number of cameras.
    """
    by_name = {camera.name: camera for camera in cameras}
    missing = [name for name in labels.views if name not in by_name]
    if missing:
        raise ValueError(f"no calibration for {', '.join(missing)}; needed to export labels")
    chosen = [by_name[name] for name in labels.views]
    kept = labels.select_frames(labels.any_3d)
    sync = sync or sync_of(labels)
    if sync.frames.shape[1] != len(chosen):
        raise ValueError(
            f"the sync is for {sync.frames.shape[1]} cameras, the labels for {len(chosen)}"
        )
    n_keypoints = _total_keypoints(labels)
    offset = label_offset(pixel_origin)
    variables: dict[str, MatValue] = {
        "labelData": cell_column(
            [_label_data(kept, v, chosen[v], offset) for v in range(len(chosen))]
        ),
        "params": cell_column([matlab_from_camera(camera, pixel_origin) for camera in chosen]),
        "sync": cell_column([sync_struct(sync, v, n_keypoints) for v in range(len(chosen))]),
        "camnames": cell_row(list(labels.views)),
        "animals": cell_row(list(labels.animals)),
        "handLabeled2D": hand_labeled(kept, offset),
        "skeleton": skeleton_to_struct(labels.skeleton, len(labels.animals)),
    }
    if com is not None:
        ids = _smallest(com.sample_ids)[None]
        variables["com"] = {"com3d": com_array(com.positions), "sampleID": ids}
    return DannceFile(path, variables | image_size_field(chosen))


def sync_of(labels: Labels) -> Sync:
    """Sync of a recording without one, as far as its labels tell.

    Where every camera's frame is the key, all frames up to the last labelled one; else the labelled
    moments.
    """
    if (labels.frames == labels.sample_ids).all():
        return Sync.identity(int(labels.sample_ids.max(initial=-1)) + 1, len(labels.views))
    return Sync(labels.sample_ids, np.ascontiguousarray(labels.frames.T))


def _total_keypoints(labels: Labels) -> int:
    """Keypoints of all animals together."""
    return len(labels.animals) * len(labels.skeleton.keypoints)


def _label_data(labels: Labels, view: int, camera: Camera, offset: float) -> dict[str, MatValue]:
    n, n_keypoints = len(labels), _total_keypoints(labels)
    projected = camera.project(labels.points_3d) + offset
    return {
        "data_2d": projected.reshape(n, 2 * n_keypoints),
        "data_3d": labels.points_3d.reshape(n, 3 * n_keypoints),
        "data_frame": _smallest(labels.frames[view])[:, None],
        "data_sampleID": _smallest(labels.sample_ids)[None],
    }


def sync_struct(sync: Sync, view: int, n_keypoints: int) -> dict[str, MatValue]:
    """Sync of one camera; its points are placeholders that readers want to see."""
    return {
        "data_2d": np.zeros((len(sync), 2 * n_keypoints), dtype=np.uint8),
        "data_3d": np.zeros((len(sync), 3 * n_keypoints), dtype=np.uint8),
        "data_frame": _smallest(sync.frames[:, view])[None],
        "data_sampleID": _smallest(sync.sample_ids)[None],
    }


def hand_labeled(labels: Labels, offset: float) -> FloatArray:
    """(keypoints, V, 2, F) px of the points that a person placed, NaN elsewhere."""
    is_human = np.isin(labels.states, HUMAN_STATES)
    points = np.where(is_human[..., None], labels.points_2d, np.nan) + offset
    n_views, n_frames = points.shape[:2]
    flat = points.reshape(n_views, n_frames, _total_keypoints(labels), 2)
    return np.transpose(flat, (2, 0, 3, 1))


def _smallest(values: IntArray) -> MatArray:
    """Whole numbers as int32, as in Label3D's files, where they fit."""
    largest = int(np.abs(values).max(initial=0))
    return values.astype(np.int32 if largest <= _INT32_MAX else np.int64)
