"""What Campy leaves beside a video: ``frametimes.npy``, ``frametimes.mat`` and ``metadata.csv``."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.capture.clock import fit_clock
from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.writing import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_sdannce.capture.cameras import CameraInfo, Format
    from napari_sdannce.capture.frame_records import FrameRecords
    from napari_sdannce.settings.capture import CameraSettings, CaptureSettings

FloatArray = npt.NDArray[np.float64]
Row = tuple[str, str | int | float]

_FIRST_FILE = "0.mp4"


def times_in_video(records: FrameRecords) -> FloatArray:
    """(N,) seconds of each frame of a video since the first one."""
    fit = fit_clock(records.camera_ns, records.host_ns)
    times = fit.to_host(records.camera_ns, records.host_ns)[records.in_file]
    return (times - times[:1]).astype(np.float64) / 1e9


def metadata_of(
    settings: CaptureSettings,
    camera: CameraSettings,
    info: CameraInfo,
    format_: Format,
    codec: str,
) -> tuple[Row, ...]:
    """What Campy notes of a camera, by its names."""
    place = settings.cameras.index(camera)
    return (
        ("videoFolder", settings.folder.as_posix()),
        ("videoFilename", _FIRST_FILE),
        ("frameRate", settings.fps),
        *((("recTimeInSec", settings.seconds),) if settings.seconds is not None else ()),
        ("numCams", len(settings.cameras)),
        ("cameraName", camera.name),
        ("cameraSelection", place),
        ("n_cam", place),
        ("cameraMake", info.back_end),
        ("cameraSettings", "None" if camera.feature_file is None else str(camera.feature_file)),
        ("frameWidth", format_.width),
        ("frameHeight", format_.height),
        ("pixelFormatInput", str(format_.layout)),
        ("codec", codec),
        ("quality", settings.encoding.quality),
        ("cameraModel", info.model),
        ("cameraSerialNo", info.serial),
    )


def write_campy_files(
    folder: Path, times: FloatArray, metadata: Iterable[Row], *, overwrite: bool = False
) -> None:
    """Write the three files.

    Parameters
    ----------
    folder
        Folder of the camera's video.
    times
        (N,) seconds of its frames since the first.
    metadata
        Names and values of what is noted; numbers of frames and seconds are added.
    overwrite
        Whether existing files may be replaced.

    Raises
    ------
    FileExistsError
        When a file exists and may not be overwritten.
    """
    numbers = np.arange(1, len(times) + 1, dtype=np.float64)
    with atomic_path(folder / "frametimes.npy", overwrite=overwrite) as temporary:
        np.save(temporary, np.stack([numbers, times]))
    variables = {"frameNumber": numbers[None], "timeStamp": times[None]}
    write_mat(folder / "frametimes.mat", variables, overwrite=overwrite)
    total = float(times[-1]) if len(times) else 0.0
    rows = [*metadata, ("totalFrames", len(times)), ("totalTime", total)]
    with (
        atomic_path(folder / "metadata.csv", overwrite=overwrite) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
