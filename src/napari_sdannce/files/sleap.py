"""SLEAP analysis ``.h5``: tracks of animals in one video.

``tracks`` is (track, xy, node, frame), or in another order that its attribute ``dims`` tells;
``point_scores`` (track, node, frame); ``node_names``, ``track_names``, ``edge_inds``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .guess_skeleton import animal_names
from .hdf5 import dataset, numbers, reading_hdf5, text, texts
from .points_2d import FloatArray, Points2D, whole_points

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import h5py

EXPECTED = "a SLEAP analysis .h5: 'tracks' (track, xy, node, frame) and 'node_names'"
_ORDER = ("frame", "track", "node", "xy")
_MATLAB_ORDER = ("track", "xy", "node", "frame")


def read_sleap(path: str | os.PathLike[str], *, first_frame: int = 0) -> Points2D:
    """Read the tracks of one camera; which camera, its name or the caller must say.

    Parameters
    ----------
    path
        The file.
    first_frame
        Frame number of the first one in the file, which does not say it.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is no such file, or damaged.
    """
    place = Path(path)
    with reading_hdf5(place, EXPECTED) as file:
        keypoints = texts(dataset(file, "node_names"))
        points = _ordered(dataset(file, "tracks"), _ORDER)
        if points.shape[2:] != (len(keypoints), 2):
            raise ValueError(
                f"'tracks' has the shape {dataset(file, 'tracks').shape} for {len(keypoints)} nodes"
            )
        animals = _animals(file, points.shape[1])
        if "point_scores" in file:
            scores = _ordered(dataset(file, "point_scores"), _ORDER[:3])
        else:
            scores = np.full(points.shape[:-1], np.nan)
        if first_frame < 0:
            raise ValueError(f"the first frame cannot be {first_frame}")
        return Points2D(
            path=place,
            camera=None,
            frames=np.arange(len(points), dtype=np.int64) + first_frame,
            animals=animals,
            keypoints=keypoints,
            points=whole_points(points),
            scores=scores,
            edges=_edges(file),
        )


def _ordered(item: h5py.Dataset, order: Sequence[str]) -> FloatArray:
    """Values with their axes in this order."""
    dims = _dims(item) or tuple(name for name in _MATLAB_ORDER if name in order)
    if sorted(dims) != sorted(order) or len(dims) != len(item.shape or ()):
        raise ValueError(f"'{item.name}' has the shape {item.shape} and the axes {dims}")
    return np.transpose(numbers(item), [dims.index(name) for name in order])


def _dims(item: h5py.Dataset) -> tuple[str, ...]:
    if "dims" not in item.attrs:
        return ()
    found = json.loads(text(item.attrs["dims"], "dims"))
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"the axes of '{item.name}' are {found!r}"[:200])
    return tuple(found)


def _animals(file: h5py.File, count: int) -> tuple[str, ...]:
    names = texts(dataset(file, "track_names")) if "track_names" in file else ()
    if not names:
        return animal_names(count)
    if len(names) != count:
        raise ValueError(f"'tracks' has {count} tracks, 'track_names' {len(names)}")
    return names


def _edges(file: h5py.File) -> tuple[tuple[int, int], ...]:
    if "edge_inds" not in file:
        return ()
    found = numbers(dataset(file, "edge_inds"))
    if not found.size:
        return ()
    if found.ndim != 2 or found.shape[1] != 2 or not (np.abs(found) < 2**31).all():
        raise ValueError(f"'edge_inds' has the shape {found.shape}, not pairs of nodes")
    return tuple((int(a), int(b)) for a, b in found)
