"""Finding and reading the files of 2D keypoints of all cameras."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .deeplabcut import read_deeplabcut
from .errors import FileFormatError
from .hdf5_probe import probe_hdf5
from .points_npz import read_points_npz
from .sleap import read_sleap

if TYPE_CHECKING:
    import os

    from napari_sdannce.recording import Recording

    from .points_2d import Points2D

EXPECTED = (
    "2D keypoints: an .npz of all cameras, or a SLEAP analysis .h5 or DeepLabCut .h5/.csv of each "
    "camera"
)


def read_points(path: str | os.PathLike[str]) -> tuple[Points2D, ...]:
    """Read 2D keypoints of any known format, one item a camera.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is in no known format, or damaged.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix == ".npz":
        return read_points_npz(file)
    if suffix == ".csv":
        return (read_deeplabcut(file),)
    if suffix in (".h5", ".hdf5"):
        return (read_sleap(file) if _is_sleap(file) else read_deeplabcut(file),)
    if not file.exists():
        raise FileNotFoundError(f"{file} does not exist; expected {EXPECTED}")
    raise FileFormatError(file, f"a file of type '{file.suffix}'", EXPECTED)


def match_camera(path: Path, names: Sequence[str]) -> str | None:
    """Camera whose name a file's name holds, else its folder's; None when none or several do.

    ``Camera1`` is not found in ``Camera10``, nor ``mid`` in ``midline``; of ``side`` and ``side2``,
    the longer that fits wins.

    Examples
    --------
    >>> match_camera(Path("Camera10DLC_resnet50_ratsOct1.h5"), ["Camera1", "Camera10"])
    'Camera10'
    """
    for text in (path.stem, path.parent.name):
        found = [name for name in names if _holds(text, name)]
        longest = [name for name in found if not any(name in o and name != o for o in found)]
        if len(longest) == 1:
            return longest[0]
        if longest:
            return None
    return None


def _holds(text: str, name: str) -> bool:
    after = r"(?!\d)" if name[-1:].isdigit() else r"(?![a-z])"
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}{after}", text) is not None


def _is_sleap(path: Path) -> bool:
    """Whether an HDF5 file is SLEAP's; anything else goes to the reader of DeepLabCut's tables."""
    import h5py

    try:
        probe_hdf5(path)
        with h5py.File(path, "r") as file:
            return "tracks" in file
    except (OSError, RuntimeError, KeyError, ValueError):
        return False


def read_sources(recording: Recording, sources: Any) -> list[Points2D]:
    """Points of every camera, each with the name of its camera.

    Parameters
    ----------
    recording
        Whose cameras they are.
    sources
        As for `import_2d.import_points`.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When a file cannot be read.
    ValueError
        When it is not clear which camera a file belongs to.
    """
    if isinstance(sources, Mapping):
        return [replace(_single(path), camera=name) for name, path in sources.items()]
    if isinstance(sources, str | Path) or not isinstance(sources, Sequence):
        sources = [sources]
    found: list[Points2D] = []
    for source in sources:
        for points in read_points(source):
            camera = points.camera or match_camera(points.path.absolute(), recording.names)
            if camera is None:
                raise ValueError(
                    f"{points.path}: which camera is it from? Its name holds none or several of "
                    f"{', '.join(recording.names)}; give a mapping from cameras to files"
                )
            found.append(replace(points, camera=camera))
    return found


def _single(path: str | os.PathLike[str]) -> Points2D:
    found = read_points(path)
    if len(found) != 1:
        raise ValueError(f"{path} holds {len(found)} cameras, but stands for one")
    return found[0]
