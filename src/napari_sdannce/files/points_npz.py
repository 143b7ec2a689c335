"""2D keypoints of all cameras in one ``.npz``.

Arrays: ``points`` (camera, frame, keypoint, xy) or (camera, frame, animal, keypoint, xy) in 0-based
px, NaN = not seen; ``cameras`` and ``keypoints`` names; and, if there, ``frames`` numbers,
``animals`` names, ``scores`` of the shape of `points` without its last axis, and ``edges`` (bones,
2) of keypoint indices.
"""

from __future__ import annotations

import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import NPY_ERRORS, FileFormatError
from .guess_skeleton import animal_names
from .mat_fields import reading
from .points_2d import FloatArray, Points2D, check_names, frame_numbers, whole_points

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

EXPECTED = (
    "an .npz with 'points' (camera, frame[, animal], keypoint, xy), 'cameras' and 'keypoints'"
)
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    IndexError,
    AttributeError,
)
"""What zipfile raises on a damaged archive, over that of `NPY_ERRORS`."""
_KNOWN = ("points", "cameras", "keypoints", "frames", "animals", "scores", "edges")


def read_points_npz(path: str | os.PathLike[str]) -> tuple[Points2D, ...]:
    """Read the 2D keypoints of all cameras, one item a camera.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is no such file, or damaged.
    """
    file = Path(path)
    with reading(file, EXPECTED):
        arrays = _load(file)
        missing = [name for name in ("points", "cameras", "keypoints") if name not in arrays]
        if missing:
            there = ", ".join(arrays) or "nothing"
            raise ValueError(f"no {', '.join(missing)} in it (there is {there})")
        return _per_camera(file, arrays)


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's hints at old headers
            content = np.load(path, allow_pickle=False)
            if not isinstance(content, np.lib.npyio.NpzFile):
                raise ValueError("it is no .npz archive")
            with content:
                return {name: content[name] for name in _KNOWN if name in content}
    except FileNotFoundError:
        raise
    except (*NPY_ERRORS, *_ZIP_ERRORS) as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error


def _per_camera(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[Points2D, ...]:
    cameras, keypoints = _names(arrays, "cameras"), _names(arrays, "keypoints")
    points = _numbers(arrays, "points")
    scores = np.full(points.shape[:-1], np.nan)
    if "scores" in arrays:
        scores = _numbers(arrays, "scores")
    if scores.shape != points.shape[:-1]:
        raise ValueError(f"'scores' has the shape {scores.shape} for points {points.shape}")
    if points.ndim == 4:
        points, scores = points[:, :, None], scores[:, :, None]
    if points.ndim != 5 or points.shape[-1] != 2 or len(points) != len(cameras):
        raise ValueError(
            f"'points' has the shape {arrays['points'].shape} for {len(cameras)} cameras"
        )
    n_frames, n_animals = points.shape[1:3]
    animals = _names(arrays, "animals") if "animals" in arrays else animal_names(n_animals)
    frames = frame_numbers(arrays["frames"] if "frames" in arrays else np.arange(n_frames))
    return tuple(
        Points2D(
            path=path,
            camera=camera,
            frames=frames,
            animals=animals,
            keypoints=keypoints,
            points=whole_points(points[view]),
            scores=scores[view],
            edges=_edges(arrays),
        )
        for view, camera in enumerate(cameras)
    )


def _names(arrays: Mapping[str, npt.NDArray[Any]], what: str) -> tuple[str, ...]:
    found = arrays[what]
    if found.dtype.kind != "U" or found.ndim != 1:
        raise ValueError(
            f"'{what}' is {found.dtype} of the shape {found.shape}, not a list of names"
        )
    names = tuple(found.tolist())
    check_names(names, what)
    return names


def _numbers(arrays: Mapping[str, npt.NDArray[Any]], what: str) -> FloatArray:
    found = arrays[what]
    if found.dtype.kind not in "iuf":
        raise ValueError(f"'{what}' holds {found.dtype}, not numbers")
    return found.astype(np.float64)


def _edges(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[tuple[int, int], ...]:
    found = arrays.get("edges")
    if found is None or not found.size:
        return ()
    if found.dtype.kind not in "iu" or found.ndim != 2 or found.shape[1] != 2:
        raise ValueError(
            f"'edges' is {found.dtype} of the shape {found.shape}, not pairs of indices"
        )
    return tuple((int(a), int(b)) for a, b in found)
