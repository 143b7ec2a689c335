"""Calibrating a recording by the cameras that lie in a label file from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_sdannce.recording import PixelOrigin

from .anipose import write_anipose
from .label_file import read_label_source

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.recording import Recording

_FILE = "calibration.toml"
_ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Adopted:
    """A calibration that was taken over.

    Parameters
    ----------
    path
        Where it lies now.
    source
        The label file.
    names
        Cameras of the recording in the order of those in the file.
    by_name
        Whether the file names them so; else their order was taken.
    """

    path: Path
    source: Path
    names: tuple[str, ...]
    by_name: bool

    def __str__(self) -> str:
        said = f"{self.source.name} calibrates the cameras, written to {self.path.name}"
        return said if self.by_name else f"{said}; it does not name them: {', '.join(self.names)}"


def adopt_calibration(recording: Recording, source: Path) -> Adopted | None:
    """Write the cameras of a label file beside the videos of a recording that has none.

    Parameters
    ----------
    recording
        One that is calibrated already stays as it is.
    source
        A ``*_dannce.mat`` or a state of Label3D, wherever it lies.

    Returns
    -------
    None where nothing was written: fewer than two cameras are without calibration, or the file has
    another number of them.

    Raises
    ------
    FileFormatError, OSError
        When the file can not be read, or the calibration not be written.
    """
    known = sum(view.camera is not None for view in recording.views)
    if known >= _ENOUGH or recording.calibration_file is not None:
        return None
    file = read_label_source(source)
    cameras = file.cameras(recording.pixel_origin or PixelOrigin.MATLAB)
    if len(cameras) != len(recording.names) or len(cameras) < _ENOUGH:
        return None
    by_name = "camnames" in file.variables and set(file.camnames) == set(recording.names)
    names = file.camnames if by_name else recording.names
    path = recording.folder / _FILE
    write_anipose(
        path, [replace(camera, name=name) for camera, name in zip(cameras, names, strict=True)]
    )
    return Adopted(path, source, names, by_name)
