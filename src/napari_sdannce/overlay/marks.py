"""What is drawn over the cameras at a moment: keypoints and bones of poses or of labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from napari_sdannce.labels import HUMAN_STATES, Labels, LabelState
from napari_sdannce.skeletons import Skeleton, builtin_skeletons, load_skeleton

if TYPE_CHECKING:
    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.poses import Poses
    from napari_sdannce.recording import Recording

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PointKind:
    """One kind of point of a set of marks: filled or hollow."""

    name: str
    hollow: bool


@dataclass(frozen=True, eq=False, slots=True)
class Drawing:
    """What one camera shows at one moment, px (x, y), NaN where nothing is to be seen.

    Parameters
    ----------
    points
        (G, A, K, 2), one group a `PointKind`.
    joints
        (A, K, 2) where the bones end.
    """

    points: FloatArray
    joints: FloatArray


class Marks(Protocol):
    """Keypoints of animals over the moments of a recording.

    `palette` (A,) says which colour each animal has; sets of marks shown together share it by name.
    """

    name: str
    palette: tuple[int, ...]
    kinds: tuple[PointKind, ...]
    skeleton: Skeleton
    animals: tuple[str, ...]
    source: Poses | Labels

    def moments(self) -> IntArray:
        """Moments at which there is something to draw."""
        ...

    def points_3d(self, moment: int) -> FloatArray:
        """(A, K, 3) mm, NaN where missing."""
        ...

    def draw(self, moment: int, view: int) -> Drawing:
        """What the camera shows."""
        ...

    def certainty(self, moment: int) -> FloatArray:
        """(A, K) how sure each keypoint is, 0..1; 1 where nobody says."""
        ...

    def labels(self, moment: int, sample_id: int, frames: IntArray) -> Labels:
        """The moment as labels; `frames` (V,) is the frame number of each view."""
        ...


class PoseMarks:
    """Poses, projected into the cameras with their distortion: dots, or rings where `hollow`."""

    def __init__(
        self,
        recording: Recording,
        sample_ids: IntArray,
        poses: Poses,
        name: str = "poses",
        *,
        hollow: bool = False,
    ) -> None:
        self.name = name
        self.kinds: tuple[PointKind, ...] = (PointKind("keypoints", hollow=hollow),)
        self.source: Poses | Labels = poses
        self.skeleton = skeleton_of(poses.keypoints, recording.skeleton)
        self.animals = poses.animals
        self.palette: tuple[int, ...] = tuple(range(len(self.animals)))
        self._positions = poses.positions
        self._certainty = _probabilities(poses)
        self.camera_names = recording.names
        self.cameras = tuple(view.camera for view in recording.views)
        self._rows = _matched_rows(sample_ids, poses.sample_ids, f"{name} of", recording)
        # of a prediction that is not at its end, most moments are empty
        self._found = np.isfinite(poses.positions).all(axis=-1).reshape(len(poses.positions), -1)

    def moments(self) -> IntArray:
        """Moments at which there is something to draw."""
        there = np.flatnonzero(self._rows >= 0)
        return there[self._found[self._rows[there]].any(axis=1)]

    def points_3d(self, moment: int) -> FloatArray:
        """(A, K, 3) mm, NaN where missing."""
        row = self._rows[moment]
        if row < 0:
            return np.full(self._positions.shape[1:], np.nan)
        return np.asarray(self._positions[row])

    def draw(self, moment: int, view: int) -> Drawing:
        """What the camera shows."""
        joints = project_inside(self.cameras[view], self.points_3d(moment))
        return Drawing(joints[None], joints)

    def certainty(self, moment: int) -> FloatArray:
        """(A, K) how sure each keypoint is, 0..1; 1 where nobody says."""
        row = self._rows[moment]
        if row < 0 or self._certainty is None:
            return np.ones(self._positions.shape[1:3])
        return np.asarray(np.nan_to_num(self._certainty[row], nan=1.0))

    def labels(self, moment: int, sample_id: int, frames: IntArray) -> Labels:
        """The moment as labels that a program made; `frames` (V,) frame number of each view."""
        return projected_labels(self, moment, sample_id, frames, LabelState.PREDICTED)


class LabelMarks:
    """Labels: what people placed (filled) beside what the 3D point says (hollow)."""

    kinds: tuple[PointKind, ...] = (
        PointKind("placed by a person", hollow=False),
        PointKind("from 3D", hollow=True),
    )

    def __init__(
        self, recording: Recording, sample_ids: IntArray, labels: Labels, name: str = "labels"
    ) -> None:
        self.name = name
        self.source: Poses | Labels = labels
        self.skeleton = labels.skeleton
        self.animals = labels.animals
        self.palette: tuple[int, ...] = tuple(range(len(self.animals)))
        self._labels = labels
        self.camera_names = recording.names
        self.cameras = tuple(view.camera for view in recording.views)
        self._views = tuple(
            labels.views.index(n) if n in labels.views else None for n in recording.names
        )
        if all(view is None for view in self._views):
            raise ValueError(
                f"the labels are for the cameras {', '.join(labels.views)}, the recording "
                f"{recording.name} has {', '.join(recording.names)}"
            )
        self._rows = _matched_rows(sample_ids, labels.sample_ids, f"{name} of", recording)

    def moments(self) -> IntArray:
        """Moments at which there is something to draw."""
        return np.flatnonzero(self._rows >= 0)

    def points_3d(self, moment: int) -> FloatArray:
        """(A, K, 3) mm, NaN where missing."""
        row = self._rows[moment]
        if row < 0:
            return np.full((len(self.animals), len(self.skeleton.keypoints), 3), np.nan)
        return np.asarray(self._labels.points_3d[row])

    def draw(self, moment: int, view: int) -> Drawing:
        """What the camera shows."""
        row, label_view = self._rows[moment], self._views[view]
        reprojected = project_inside(self.cameras[view], self.points_3d(moment))
        placed = np.full_like(reprojected, np.nan)
        if row >= 0 and label_view is not None:
            points = self._labels.points_2d[label_view, row]
            by_person = np.isin(self._labels.states[label_view, row], HUMAN_STATES)[..., None]
            placed = np.where(by_person, points, np.nan)
            given = np.where(by_person, np.nan, points)
            reprojected = np.where(np.isfinite(reprojected), reprojected, given)
        joints = np.where(np.isfinite(reprojected), reprojected, placed)
        return Drawing(np.stack([placed, reprojected]), joints)

    def certainty(self, moment: int) -> FloatArray:
        """(A, K) ones: people do not say how sure they are."""
        return np.ones((len(self.animals), len(self.skeleton.keypoints)))

    def labels(self, moment: int, sample_id: int, frames: IntArray) -> Labels:
        """The moment's labels, completed by projections; `frames` (V,) frame number of each."""
        labels = projected_labels(self, moment, sample_id, frames, LabelState.REPROJECTED)
        row = self._rows[moment]
        for view, theirs in enumerate(self._views):
            if row < 0 or theirs is None:
                continue
            known = self._labels.states[theirs, row] != LabelState.NONE
            for name in ("points_2d", "states", "labelers", "times"):
                own = getattr(self._labels, name)[theirs, row]
                getattr(labels, name)[view, 0, known] = own[known]
        return replace(labels, labeler_names=self._labels.labeler_names)


def projected_labels(
    marks: PoseMarks | LabelMarks, moment: int, sample_id: int, frames: IntArray, state: LabelState
) -> Labels:
    """One moment's 3D points as labels, each where the cameras would see it."""
    xyz = marks.points_3d(moment)
    labels = Labels.empty(
        marks.camera_names,
        marks.skeleton,
        marks.animals,
        np.array([sample_id], dtype=np.int64),
        np.asarray(frames, dtype=np.int64)[:, None],
    )
    labels.points_3d[0] = xyz
    for view, camera in enumerate(marks.cameras):
        labels.points_2d[view, 0] = project_inside(camera, xyz)
    labels.states[np.isfinite(labels.points_2d).all(axis=-1)] = state
    return labels


def project_inside(camera: Camera | None, xyz: FloatArray) -> FloatArray:
    """Pixels (..., 2) of points (..., 3) mm; NaN where missing, outside the image, uncalibrated."""
    if camera is None:
        return np.full((*xyz.shape[:-1], 2), np.nan)
    pixels = camera.project(xyz)
    if camera.image_size is None:
        return pixels
    return np.where(camera.sees(pixels)[..., None], pixels, np.nan)


def _probabilities(poses: Poses) -> FloatArray | None:
    """Confidence that is a probability; raw maxima and peaks of heatmaps say little."""
    confidence = poses.confidence
    if poses.confidence_kind == "peak":
        return None
    known = confidence[np.isfinite(confidence)]
    is_one = len(known) > 0 and known.min() >= 0 and known.max() <= 1
    return confidence if is_one else None


def skeleton_of(keypoints: tuple[str, ...], project: Skeleton | None) -> Skeleton:
    """Skeleton for keypoints known by name: the project's, a built-in of the same names, or none.

    Files of predictions often hold no names; then the project's skeleton is taken when it has as
    many keypoints.
    """
    if project is not None and len(project.keypoints) == len(keypoints):
        return project
    for name in builtin_skeletons():
        builtin = load_skeleton(name)
        if builtin.keypoints == keypoints:
            return builtin
    return Skeleton("keypoints", keypoints)


def rows_of(wanted: npt.ArrayLike, keys: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Where every wanted key stands among `keys` (which do not repeat), -1 where it is not."""
    sought, have = np.asarray(wanted, dtype=np.int64), np.asarray(keys, dtype=np.int64)
    if not len(have):
        return np.full(len(sought), -1, dtype=np.int64)
    order = np.argsort(have, kind="stable")
    place = np.clip(np.searchsorted(have, sought, sorter=order), 0, len(have) - 1)
    found = order[place]
    return np.where(have[found] == sought, found, -1)


def _matched_rows(
    sample_ids: IntArray, keys: IntArray, what: str, recording: Recording
) -> IntArray:
    """Row of every moment; an error when not one moment is found, which means another recording."""
    rows = rows_of(sample_ids, keys)
    if len(keys) and not (rows >= 0).any():
        raise ValueError(
            f"{what} {recording.name}: none of the {len(keys)} sample ids ({keys[0]} to "
            f"{keys[-1]}) occurs in the recording ({sample_ids[0]} to {sample_ids[-1]}); do they "
            "belong together?"
        )
    return rows
