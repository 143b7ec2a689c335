"""Labels from the state of a Label3D session and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labels import HUMAN_STATES, Labels, LabelState
from napari_sdannce.recording import PixelOrigin, Sync

from .dannce_labels import finite_points, hand_labeled, sync_of, sync_struct
from .guess_skeleton import animals_and_skeleton
from .label3d import EXPECTED, Label3DState
from .mat_fields import field, floats, int_vector, is_empty, reading, rows
from .mat_values import MatValue, cell_column
from .matlab_camera import image_size_field, label_offset, matlab_from_camera
from .skeleton_mat import skeleton_inside, skeleton_to_struct

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.skeletons import Skeleton

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

UNLABELED, INITIALIZED, LABELED = 0, 1, 2
_STATE_OF_STATUS = {INITIALIZED: LabelState.PREDICTED, LABELED: LabelState.REPROJECTED}
_STATUS_OF_STATE = {
    LabelState.NONE: UNLABELED,
    LabelState.PREDICTED: INITIALIZED,
    LabelState.TRACKED: INITIALIZED,
    LabelState.HUMAN: LABELED,
    LabelState.UNCERTAIN: LABELED,
    LabelState.REPROJECTED: LABELED,
    LabelState.OCCLUDED: LABELED,
    LabelState.NOT_IN_VIEW: LABELED,
    LabelState.REJECTED: LABELED,
}
_ACCEPTED = (*HUMAN_STATES, LabelState.REPROJECTED)


def labels_from_label3d(
    state: Label3DState,
    *,
    skeleton: Skeleton | None = None,
    animals: Sequence[str] | None = None,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
) -> Labels:
    """Labels of a Label3D session.

    A state keeps no 2D points but those placed by hand (`LabelState.HUMAN`); the others are
    projected from the 3D points: `LabelState.REPROJECTED` where Label3D calls them labeled,
    `LabelState.PREDICTED` where it calls them initialized. Points without a position have no state.

    Parameters
    ----------
    state
        The session.
    skeleton, animals
        What its keypoints are; default: the skeleton inside, whose names tell animals apart when
        they end in ``_1``, ``_2``, ...
    pixel_origin
        Where the first pixel lies in the file.

    Raises
    ------
    FileFormatError
        When the state does not fit together.
    """
    cameras = state.cameras(pixel_origin)
    with reading(state.path, EXPECTED):
        flat = rows(field(state.variables, "data_3D"), "data_3D")
        n_keypoints, rest = divmod(flat.shape[1], 3)
        if rest or not n_keypoints:
            raise ValueError(f"'data_3D' has {flat.shape[1]} columns, not 3 a keypoint")
        if skeleton is None:
            _, skeleton = skeleton_inside(state.variables, state.path.stem) or (1, None)
        names, skeleton = animals_and_skeleton(n_keypoints, skeleton, animals)
        shape = (len(cameras), len(flat), len(names), len(skeleton.keypoints))
        points_3d = finite_points(flat.reshape(*shape[1:], 3))
        status = _status(state, shape)
        clicked = _by_hand(state, shape) - label_offset(pixel_origin)
        by_hand = np.isfinite(clicked).all(-1) & (status == LABELED)
        projected = np.stack([camera.project(points_3d) for camera in cameras])
        points = np.where(by_hand[..., None], clicked, finite_points(projected))
        states = np.zeros(shape, dtype=np.uint8)
        for value, each in _STATE_OF_STATUS.items():
            states[status == value] = each
        states[by_hand] = LabelState.HUMAN
        states[~np.isfinite(points[..., 0])] = LabelState.NONE
        points[states == LabelState.NONE] = np.nan
        sample_ids, frames = _moments(state, len(flat))
        _, first = np.unique(sample_ids, return_index=True)
        first = np.sort(first)
        empty = Labels.empty(state.camnames, skeleton, names, sample_ids[first], frames[:, first])
        return replace(
            empty, points_2d=points[:, first], states=states[:, first], points_3d=points_3d[first]
        )


def _status(state: Label3DState, shape: tuple[int, int, int, int]) -> npt.NDArray[np.float64]:
    """(V, F, A, K) status, of (keypoints, V, F) with trailing axes of one dropped."""
    n_views, n_frames, n_animals, n_each = shape
    found = floats(field(state.variables, "status"), "status")
    expected = (n_animals * n_each, n_views, n_frames)
    if found.ndim == 2:
        found = found[..., None]
    if found.shape != expected:
        raise ValueError(
            f"'status' has the shape {found.shape}, 'data_3D' and 'camParams' ask for {expected}"
        )
    return np.transpose(found, (1, 2, 0)).reshape(shape)


def _by_hand(state: Label3DState, shape: tuple[int, int, int, int]) -> FloatArray:
    """(V, F, A, K, 2) px placed by hand, of (keypoints, V, 2, F); older files have none."""
    n_views, n_frames, n_animals, n_each = shape
    value = state.variables.get("handLabeled2D")
    if value is None or is_empty(value):
        return np.full((*shape, 2), np.nan)
    found = floats(value, "handLabeled2D")
    expected = (n_animals * n_each, n_views, 2, n_frames)
    if found.ndim == 3:
        found = found[..., None]
    if found.shape != expected:
        raise ValueError(f"'handLabeled2D' has the shape {found.shape}, expected {expected}")
    return np.transpose(found, (1, 3, 0, 2)).reshape(*shape, 2)


def _moments(state: Label3DState, count: int) -> tuple[IntArray, IntArray]:
    """(F,) keys and (V, F) frames of the labelled moments.

    ``framesToLabel`` counts from 1, along the sync where there is one.
    """
    value = state.variables.get("framesToLabel")
    if value is None or is_empty(value):
        index = np.arange(count, dtype=np.int64)
    else:
        index = int_vector(value, "framesToLabel") - 1
    if len(index) != count:
        raise ValueError(f"'framesToLabel' has {len(index)} numbers, 'data_3D' {count} rows")
    if count and int(index.min()) < 0:
        raise ValueError(f"'framesToLabel' holds {int(index.min()) + 1}; it counts from 1")
    sync = state.as_dannce().sync_table()
    if sync is None:
        return index, np.repeat(index[None], len(state.params), axis=0)
    if count and int(index.max()) >= len(sync):
        raise ValueError(
            f"'framesToLabel' goes up to {int(index.max()) + 1}, the sync has {len(sync)} moments"
        )
    return sync.sample_ids[index], sync.frames[index].T


def label3d_from_labels(
    path: Path,
    labels: Labels,
    cameras: Sequence[Camera],
    sync: Sync | None = None,
    *,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
) -> Label3DState:
    """Make a Label3D session of labels, to be written with `write_label3d_state`.

    A keypoint with a 3D point that a person placed or accepted in some view is labeled in every
    camera, as Label3D wants it; of others the 3D point is left out.

    Parameters
    ----------
    path
        Where the file will be.
    labels
        The labels.
    cameras
        Calibrated cameras, one a view of the labels, matched by name.
    sync
        Sync of the recording; None: see `sync_of`.
    pixel_origin
        Where the first pixel is to lie in the file.

    Raises
    ------
    ValueError
        When a camera is missing, or a labelled moment is not in the sync.
    """
    by_name = {camera.name: camera for camera in cameras}
    missing = [name for name in labels.views if name not in by_name]
    if missing:
        raise ValueError(f"no calibration for {', '.join(missing)}; needed to export labels")
    chosen = [by_name[name] for name in labels.views]
    n_frames, n_views = len(labels), len(labels.views)
    n_keypoints = len(labels.animals) * len(labels.skeleton.keypoints)
    sync = sync or sync_of(labels)
    by_person = np.isin(labels.states, _ACCEPTED).any(axis=0)
    accepted = np.asarray(by_person & np.isfinite(labels.points_3d).all(axis=-1))
    status = np.vectorize(lambda each: _STATUS_OF_STATE[LabelState(each)], otypes=[np.uint8])(
        labels.states
    )
    status = np.where(accepted[None], LABELED, status)
    variables: dict[str, MatValue] = {
        "data_3D": np.where(accepted[..., None], labels.points_3d, np.nan).reshape(
            n_frames, 3 * n_keypoints
        ),
        "status": np.transpose(status.reshape(n_views, n_frames, n_keypoints), (2, 0, 1)).astype(
            np.uint8
        ),
        "skeleton": skeleton_to_struct(labels.skeleton, len(labels.animals)),
        "handLabeled2D": hand_labeled(labels, label_offset(pixel_origin)),
        "camParams": cell_column([matlab_from_camera(camera, pixel_origin) for camera in chosen]),
        "sync": cell_column([sync_struct(sync, v, n_keypoints) for v in range(n_views)]),
        "framesToLabel": _places(labels.sample_ids, sync)[None] + 1.0,
    }
    return Label3DState(path, variables | image_size_field(chosen))


def _places(sample_ids: IntArray, sync: Sync) -> IntArray:
    """Rows of the sync that hold these keys."""
    order = np.argsort(sync.sample_ids, kind="stable")
    place = np.searchsorted(sync.sample_ids, sample_ids, sorter=order)
    row = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(0, np.int64)
    if len(row) != len(sample_ids) or (sync.sample_ids[row] != sample_ids).any():
        raise ValueError("some labelled moments are not in the sync of the recording")
    return row
