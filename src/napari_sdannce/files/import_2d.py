"""2D keypoints of other programs, made into labels with 3D by robust triangulation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.geometry import triangulate
from napari_sdannce.labels import Labels, LabelState
from napari_sdannce.recording import MISSING_FRAME, Sync
from napari_sdannce.settings.import_2d import ImportSettings
from napari_sdannce.skeletons import Skeleton, builtin_skeletons, load_skeleton, pairs_by_name

from .points_sources import read_sources

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from napari_sdannce.recording import Recording

    from .points_2d import FloatArray, IntArray, Points2D

    Place = str | os.PathLike[str]
    Sources = Place | Sequence[Place] | Mapping[str, Place]


def import_points(
    recording: Recording,
    sources: Sources,
    settings: ImportSettings | None = None,
    *,
    skeleton: Skeleton | None = None,
) -> Labels:
    """Import 2D keypoints as labels of a recording, with 3D by robust triangulation.

    Frames of different cameras that belong to one moment are found by the recording's sync. Animals
    are taken to be the same in all cameras when they have the same name.

    Parameters
    ----------
    recording
        Calibrated cameras and sync.
    sources
        One ``.npz`` of all cameras; or one file a camera, either with the camera's name in the name
        of the file or its folder, or as a mapping from camera names to files.
    settings
        States, thresholds and limits.
    skeleton
        Keypoints and bones of the result, matched by name; default: those of the recording when
        all imported keypoints are among them, a built-in with the same names, else those of the
        files.

    Returns
    -------
    Labels of the moments in which any camera sees anything. Points that robust triangulation left
    out stay as they are when a program placed them; those of a person are `LabelState.REJECTED`.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When a file cannot be read.
    ValueError
        When files and cameras cannot be matched, the recording is not calibrated, or nothing is to
        be seen in any of its moments.

    Examples
    --------
    >>> labels = import_points(recording, "labels_2d.npz")  # doctest: +SKIP
    >>> labels = import_points(recording, {"left": "l.csv", "right": "r.csv"})  # doctest: +SKIP
    """
    chosen = settings or ImportSettings()
    return _with_3d(place_points(recording, sources, chosen, skeleton), recording, chosen)


def place_points(
    recording: Recording,
    sources: Sources,
    settings: ImportSettings,
    skeleton: Skeleton | None = None,
) -> Labels:
    """As `import_points`, but only 2D points in their moments: no states, no 3D."""
    by_camera = _by_camera(recording, read_sources(recording, sources))
    used = skeleton or _skeleton(recording, list(by_camera.values()))
    labels = _place(recording, by_camera, used, settings)
    if not len(labels):
        raise ValueError(_why_nothing(recording, by_camera, settings))
    return labels


def _by_camera(recording: Recording, found: list[Points2D]) -> dict[str, Points2D]:
    by_camera: dict[str, Points2D] = {}
    for points in found:
        name = str(points.camera)
        if name in by_camera:
            raise ValueError(f"{by_camera[name].path} and {points.path} are both for '{name}'")
        if name not in recording.names:
            raise ValueError(
                f"{points.path} is for camera '{name}'; {recording.folder} has "
                f"{', '.join(recording.names)}"
            )
        by_camera[name] = points
    if not by_camera:
        raise ValueError("no 2D keypoints to import")
    first, *others = by_camera.values()
    for other in others:
        if sorted(other.animals) != sorted(first.animals):
            raise ValueError(
                f"{other.path} has the animals {', '.join(other.animals)}, {first.path} "
                f"{', '.join(first.animals)}; the names must be the same in all cameras"
            )
    return by_camera


def _why_nothing(
    recording: Recording, by_camera: Mapping[str, Points2D], settings: ImportSettings
) -> str:
    """Say why no moment is left to be imported."""
    files = ", ".join(dict.fromkeys(str(points.path) for points in by_camera.values()))
    found = [np.asarray(np.isfinite(points.points).all(-1)) for points in by_camera.values()]
    if not any(len(each) for each in found):
        return f"{files}: holds no frames; there is nothing to import"
    if not any(each.any() for each in found):
        return f"{files}: no point is seen in any frame; there is nothing to import"
    pixels = [_sure_points(points, settings) for points in by_camera.values()]
    if not any(np.isfinite(each).all(axis=-1).any() for each in pixels):
        limit = settings.min_likelihood
        return f"{files}: all points are less likely than min_likelihood ({limit:g})"
    return f"{files}: none of its frames with points belongs to a moment of {recording.folder}"


def _skeleton(recording: Recording, found: list[Points2D]) -> Skeleton:
    """Skeleton that has all keypoints of the files."""
    keypoints = tuple(dict.fromkeys(name for points in found for name in points.keypoints))
    own = recording.skeleton
    if own is not None and set(keypoints) <= set(own.keypoints):
        return own
    for name in builtin_skeletons():
        builtin = load_skeleton(name)
        if builtin.keypoints == keypoints:
            return builtin
    place = {name: i for i, name in enumerate(keypoints)}
    bones = dict.fromkeys(
        (place[points.keypoints[a]], place[points.keypoints[b]])
        for points in found
        for a, b in points.edges
    )
    return Skeleton("imported", keypoints, tuple(bones), pairs=_disjoint(pairs_by_name(keypoints)))


def _disjoint(pairs: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Pairs without those that share a keypoint with an earlier one."""
    taken: set[int] = set()
    kept = []
    for pair in pairs:
        if taken.isdisjoint(pair):
            kept.append(pair)
            taken |= set(pair)
    return tuple(kept)


def _place(
    recording: Recording,
    by_camera: Mapping[str, Points2D],
    skeleton: Skeleton,
    settings: ImportSettings,
) -> Labels:
    """Labels with the 2D points of all cameras, and no 3D yet."""
    animals = next(iter(by_camera.values())).animals
    sync = _sync(recording, by_camera, settings)
    pixels = {name: _sure_points(points, settings) for name, points in by_camera.items()}
    rows = {
        name: _rows_of(
            points.frames + settings.frame_offset, sync.frames[:, recording.names.index(name)]
        )
        for name, points in by_camera.items()
    }
    moments = _moments_seen(rows, pixels)[:: settings.every]
    frames = np.maximum(sync.frames[moments], MISSING_FRAME).T
    labels = Labels.empty(recording.names, skeleton, animals, sync.sample_ids[moments], frames)
    for name, points in by_camera.items():
        of_view = labels.points_2d[recording.names.index(name)]
        there = np.flatnonzero(rows[name][moments] >= 0)
        found = pixels[name][rows[name][moments[there]]]
        columns = np.array([skeleton.index(keypoint) for keypoint in points.keypoints])
        places = np.array([animals.index(animal) for animal in points.animals])
        of_view[np.ix_(there, places, columns)] = found
    return labels


def _sync(
    recording: Recording, by_camera: Mapping[str, Points2D], settings: ImportSettings
) -> Sync:
    """The recording's sync; without one, frame t of every camera, up to the last there is."""
    if recording.sync is not None:
        return recording.sync
    last = max(int(points.frames.max(initial=-1)) for points in by_camera.values())
    return Sync.identity(max(last + 1 + settings.frame_offset, 0), len(recording.views))


def _rows_of(frames: IntArray, wanted: IntArray) -> IntArray:
    """Row of each wanted frame number, -1 where it is not among the frames."""
    if not len(frames):
        return np.full(len(wanted), -1)
    order = np.argsort(frames)
    place = np.minimum(np.searchsorted(frames, wanted, sorter=order), len(frames) - 1)
    rows = order[place]
    return np.where((frames[rows] == wanted) & (wanted >= 0), rows, -1)


def _moments_seen(rows: Mapping[str, IntArray], pixels: Mapping[str, FloatArray]) -> IntArray:
    """Moments in which any camera sees anything."""
    seen = np.zeros(len(next(iter(rows.values()))), dtype=bool)
    for name, row in rows.items():
        anything = np.isfinite(pixels[name]).any(axis=(1, 2, 3))
        seen |= np.append(anything, False)[row]  # row -1 is the last one, which sees nothing
    return np.flatnonzero(seen)


def _sure_points(points: Points2D, settings: ImportSettings) -> FloatArray:
    """(F, A, K, 2) px, NaN where the program was not sure enough."""
    unsure = points.scores < settings.min_likelihood
    return np.where(unsure[..., None], np.nan, points.points)


def _with_3d(labels: Labels, recording: Recording, settings: ImportSettings) -> Labels:
    seen = np.isfinite(labels.points_2d).all(-1)
    found = triangulate(recording.cameras, labels.points_2d, max_error=settings.reject_px)
    points = found.points
    if settings.accept_px is not None:
        points = np.where((found.error > settings.accept_px)[..., None], np.nan, points)
    by_person = settings.state == "human"
    states = np.where(seen, LabelState.HUMAN if by_person else LabelState.PREDICTED, 0)
    if by_person:
        left_out = seen & ~found.accepted & np.isfinite(points).all(-1)
        states = np.where(left_out, LabelState.REJECTED, states)
    return replace(
        labels,
        states=states.astype(np.uint8),
        points_3d=points,
        labelers=np.where(seen & bool(settings.labeler), 0, labels.labelers).astype(np.int16),
        labeler_names=(settings.labeler,) if settings.labeler else (),
    )
